"""Benchmarks: altar and its peers, side by side in one run. See docs/benchmarks.md."""
