"""The GRID beside what else carries a call between two processes, in one run."""
