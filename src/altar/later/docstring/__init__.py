"""Docstrings in five styles, read into a description and a text per parameter."""

from altar.later.docstring._parse import parse

__all__ = ["parse"]
