"""Measuring, merging and writing down: everything of the benchmark that knows no peer."""
