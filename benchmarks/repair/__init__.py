"""Benchmarks of JSON repair: how often it is right, and what it costs."""
