"""What tools cost in each framework: altar's, beside its own of the same function."""
