"""Documents: an OpenAPI document from wherever it is, as plain JSON of bounded size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from altar.errors import ConfigurationError

__all__ = ["Document", "Source", "is_url", "load"]

_DEEPEST = 100
_MOST_PARTS = 2_000_000
_SHOWN = 80


class Document(NamedTuple):
    """A document with what it needs beside itself.

    ``source`` is what :func:`import_tools` takes: a dict, JSON or YAML text, a
    path, or an http(s) URL. ``references`` holds the other documents that its
    ``$ref`` may name, by the URI they are named with: no other is ever read.
    ``url`` is where it came from, for servers whose URL is relative.
    """

    source: Any
    references: Mapping[str, Any] = {}
    url: str | None = None


class Source(NamedTuple):
    """A document that was read: its JSON, what messages call it, and the URL it came from."""

    value: dict[str, Any]
    where: str
    url: str | None


def is_url(source: object) -> bool:
    """Whether a source is an address of HTTP."""
    return isinstance(source, str) and source.lstrip()[:8].lower().startswith(
        ("http://", "https://")
    )


def load(source: Any, *, largest: int, fetched: bytes | None = None) -> Source:
    """Read a document; ``fetched`` is the text behind a source that is a URL.

    Raises ConfigurationError for what is no document, cannot be read, or has
    more than ``largest`` bytes, 2,000,000 parts or 100 nested levels.
    """
    if isinstance(source, Mapping):
        where = "the OpenAPI document"
        return Source(_plain(source, where), where, None)
    where, url, data = "the OpenAPI document", None, fetched
    if fetched is not None:
        url = str(source).strip()
        where = f"the OpenAPI document at {url.partition('?')[0][:200]}"
    elif isinstance(source, (bytes, bytearray)):
        data = bytes(source)
    elif isinstance(source, Path) or (isinstance(source, str) and _is_path(source)):
        where = f"the OpenAPI document {str(source)[-_SHOWN:]!r}"
        data = _read_file(Path(source), where, largest)
    elif isinstance(source, str):
        data = source.encode("utf-8", "replace")
    else:
        raise ConfigurationError(
            f"import_tools({type(source).__name__}): give OpenAPI documents as a dict, JSON or "
            "YAML text, a path, or an http(s) URL"
        )
    if data is None or len(data) > largest:
        raise ConfigurationError(
            f"{where} has more than {largest} bytes; type "
            "Limits(document_bytes=...) to read a larger one"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{where} is no UTF-8 text") from None
    return Source(_plain(_parsed(text, where), where), where, url)


def _is_path(text: str) -> bool:
    is_text = text.lstrip()[:1] in ("{", "[") or ": " in text
    return bool(text.strip()) and "\n" not in text and not is_text and len(text) < 4096


def _read_file(path: Path, where: str, largest: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(largest + 1)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "no such file"
        raise ConfigurationError(f"{where} cannot be read: {said}") from None


def _parsed(text: str, where: str) -> Any:
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            if text.lstrip()[:1] == "[" or '"' in text.lstrip()[:40]:
                said = "it is nested too deeply" if isinstance(error, RecursionError) else error
                raise ConfigurationError(f"{where} is no JSON: {str(said)[:200]}") from None
    from altar_extras._openapi_yaml import read_yaml  # noqa: PLC0415 - JSON needs no library

    return read_yaml(text, where)


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _plain(value: Any, where: str) -> dict[str, Any]:
    """An own copy of the document, as JSON: what YAML's aliases share is counted each time."""
    left = [_MOST_PARTS]
    try:
        made = _copied(value, 0, left)
    except _TooMuchError as error:
        raise ConfigurationError(f"{where} has more than {error}") from None
    except TypeError as error:
        raise ConfigurationError(f"{where} holds {error}, which is no JSON") from None
    if not isinstance(made, dict):
        raise ConfigurationError(f"{where} is no OpenAPI document: it is no object")
    return made


class _TooMuchError(Exception):
    """A document beyond its bounds."""


def _copied(value: Any, depth: int, left: list[int]) -> Any:
    cls = value.__class__
    if cls is str or value is None or cls is bool or cls is int:
        return value
    if cls is float:
        if value - value != 0.0:
            raise TypeError(f"the number {value}")
        return value
    if depth > _DEEPEST:
        raise _TooMuchError(f"{_DEEPEST} nested levels")
    if isinstance(value, Mapping):
        _count(left, len(value))
        return {_key(name): _copied(item, depth + 1, left) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        _count(left, len(value))
        return [_copied(item, depth + 1, left) for item in value]
    raise TypeError(f"a value of type {cls.__name__}")


def _count(left: list[int], parts: int) -> None:
    left[0] -= parts + 1
    if left[0] < 0:
        raise _TooMuchError(f"{_MOST_PARTS} parts")


def _key(name: Any) -> str:
    if isinstance(name, str):
        return name
    if isinstance(name, bool):
        return "true" if name else "false"
    if name is None or isinstance(name, (int, float)):  # 200: in YAML
        return "null" if name is None else str(name)
    raise TypeError(f"a key of type {type(name).__name__}")
