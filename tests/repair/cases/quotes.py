"""To be written."""

CASES = []
