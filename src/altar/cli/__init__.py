"""The command line: run, look at and check tools without writing a program."""

from __future__ import annotations

from altar.cli._main import main

__all__ = ["main"]
