"""What altar offers beside its core: one optional dependency per module."""
