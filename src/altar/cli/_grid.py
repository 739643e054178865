"""``altar grid``: run, look at and call a grid; the verbs live in altar_extras.grid.cli."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from altar.cli._parser import Parser
from altar.cli._target import deps_of, tools_of
from altar.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from altar.cli._console import Console

__all__ = ["configure", "run"]

_VERBS = "altar_extras.grid.cli"
_LIBRARIES = {"nats": "nats-py", "msgpack": "msgpack", "cryptography": "cryptography"}


class _Verb(Parser):
    """The parser of one verb: its module is loaded when the verb is typed, and no other."""

    def __init__(self, *, module: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._module = module

    def parse_known_args(self, *words: Any, **options: Any) -> Any:
        if self._module:
            module, self._module = self._module, ""
            try:
                _check_libraries(self.prog)
                found = import_module(module)
            except ConfigurationError as error:
                self.exit(2, f"altar: error: {error}\n")
            found.configure(self)
            self.set_defaults(verb=found.run)
        return super().parse_known_args(*words, **options)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, parser_class=_Verb)
    for name, (module, text) in import_module(_VERBS).VERBS.items():
        verbs.add_parser(name, help=text, description=text, module=module)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry out the verb; it is handed what finds the tools, and deps, of a file or module."""
    arguments.tools_of = tools_of
    arguments.deps_of = deps_of
    status: int = arguments.verb(arguments, console)
    return status


def _check_libraries(verb: str) -> None:
    missing = [pip for module, pip in _LIBRARIES.items() if find_spec(module) is None]
    if missing:
        raise ConfigurationError(
            f"{verb} needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} "
            'not installed; type pip install ".[grid,grid-server]" in altar\'s source tree'
        )
