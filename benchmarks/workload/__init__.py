"""The functions every peer is given, word for word the same."""
