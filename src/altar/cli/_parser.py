"""Parser: argparse that answers a mistake with the command's own usage and the nearest option."""

from __future__ import annotations

import argparse
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Parser"]


class Parser(argparse.ArgumentParser):
    """The parser of altar, of a command or of a verb: ``--debug`` may stand with any of them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "allow_abbrev": False})
        self.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,  # or a command's own default would undo what stood before it
            help="show tracebacks, those of your tools too",
        )
        self.set_defaults(parser=self)

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The command line, or SystemExit when there is something in it that nobody knows."""
        arguments, left = self.parse_known_args(list(words))
        if left:
            arguments.parser.refuse(left)
        return arguments

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """End with what was not understood, and the option it may have been."""
        option = next((word for word in words if word.startswith("-")), "")
        known = sorted(self._option_string_actions)
        near = get_close_matches(option.partition("=")[0], known, n=1) if option else []
        hint = f"; did you mean {near[0]!r}?" if near else ""
        self.error(f"not understood: {' '.join(words)}{hint}")

    def error(self, message: str) -> NoReturn:
        """End with the usage and one line; the exit code is 2."""
        before, found, listed = message.rpartition(" (choose from ")
        if found:
            typed = before.rpartition("invalid choice: ")[2].strip("'")
            known = [one.strip(" '") for one in listed.rstrip(")").split(",")]
            near = get_close_matches(typed, known, n=1)
            message += f"; did you mean {near[0]!r}?" if near else ""
        self.exit(2, f"{self.format_usage()}altar: error: {message}\n")
