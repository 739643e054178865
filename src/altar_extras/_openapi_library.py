"""Library: the parts of a document by their references, its own and those it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urljoin

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Library", "Part", "UncarriedError", "a_list", "a_mapping", "a_text"]

_LONGEST_CHAIN = 32


class UncarriedError(Exception):
    """Why an operation, or a part of it, cannot become a tool."""


class Part(NamedTuple):
    """A value in a document: ``base`` names the document, ``pointer`` the place."""

    value: Any
    base: str
    pointer: str


class Library:
    """Every document that references may name; the main one is called ``""``."""

    __slots__ = ("_documents",)

    def __init__(self, main: Any, references: Mapping[str, Any]) -> None:
        self._documents = {"": main, **references}

    def find(self, reference: Any, base: str) -> Part:
        """The part that a reference in the document ``base`` names."""
        if not isinstance(reference, str):
            raise UncarriedError(f"a $ref that is {kind(reference)} and no text")
        uri, _, fragment = reference.partition("#")
        home = self._home(uri, base) if uri else base
        pointer = unquote(fragment)
        if pointer and not pointer.startswith("/"):
            raise UncarriedError(f"the reference {short(reference)}: anchors are not supported")
        value = self._documents[home]
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and name in value:
                value = value[name]
            elif isinstance(value, list) and _is_index(name) and int(name) < len(value):
                value = value[int(name)]
            else:
                raise UncarriedError(f"the reference {short(reference)} leads nowhere")
        return Part(value, home, pointer)

    def resolved(self, value: Any, base: str, what: str) -> tuple[dict[str, Any], str]:
        """The object that ``value`` is or refers to, and the document it is in."""
        for _ in range(_LONGEST_CHAIN):
            if not isinstance(value, dict):
                raise UncarriedError(f"{what} is {kind(value)} and no object")
            if "$ref" not in value:
                return value, base
            value, base, _ = self.find(value["$ref"], base)
        raise UncarriedError(f"{what} is a reference that leads back to itself")

    def _home(self, uri: str, base: str) -> str:
        for name in (_joined(base, uri), uri):
            if name in self._documents:
                return name
        raise UncarriedError(
            f"a reference to another document, {short(uri)}; type "
            f"Document(..., references={{{uri[:80]!r}: ...}}) to allow it"
        )


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 10


def _joined(base: str, uri: str) -> str:
    try:
        return urljoin(base, uri)
    except ValueError:
        raise UncarriedError(f"the reference {short(uri)} is no URI") from None


def a_mapping(value: Any, what: str) -> dict[str, Any]:
    """``value`` where it is an object, {} where it is absent."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UncarriedError(f"{what} is {kind(value)} and no object")
    return value


def a_list(value: Any, what: str) -> list[Any]:
    """``value`` where it is an array, [] where it is absent."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise UncarriedError(f"{what} is {kind(value)} and no array")
    return value


def a_text(value: Any, what: str) -> str:
    """``value`` where it is a text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise UncarriedError(f"{what} is {kind(value)} and no name")
    return value


def kind(value: object) -> str:
    """What JSON calls the value."""
    names = {dict: "an object", list: "an array", str: "a text", bool: "a boolean"}
    return names.get(type(value), "null" if value is None else "a number")


def short(text: str) -> str:
    """A text of the document, quoted and cut, for a message."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
