"""Nouns from JSON and back: one pair of functions for all of them."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, overload

from altar.adm._blob import Blob
from altar.adm._call import FunctionCall
from altar.adm._contract import ToolContract
from altar.adm._declaration import FunctionDeclaration
from altar.adm._error import ErrorObject
from altar.adm._json import dumps, loads
from altar.adm._manifest import ToolManifest
from altar.adm._result import ToolResult
from altar.adm._schema import Schema
from altar.adm._tool import Tool, ToolConfig
from altar.errors import ConfigurationError

__all__ = ["decode", "encode"]

_NOUNS = {
    noun.__name__: noun
    for noun in (
        Blob,
        ErrorObject,
        FunctionCall,
        FunctionDeclaration,
        Schema,
        Tool,
        ToolConfig,
        ToolContract,
        ToolManifest,
        ToolResult,
    )
}


class Noun(Protocol):
    """What every noun can do with JSON."""

    def to_dict(self) -> Any: ...


N = TypeVar("N")


@overload
def decode(kind: type[N], document: Any) -> N: ...
@overload
def decode(kind: str, document: Any) -> Any: ...
def decode(kind: type[N] | str, document: Any) -> Any:
    """Read a noun: ``decode(FunctionCall, text)`` or ``decode("FunctionCall", document)``.

    ``document`` is a JSON text, its bytes, or what they decode to. Unknown
    unprefixed fields are ignored, fields named ``x_...`` and ``vendor_...``
    kept. Raises InvalidDataError with every problem and its path.
    """
    name = kind if isinstance(kind, str) else kind.__name__
    noun: Any = _NOUNS.get(name)
    if noun is None or (noun is not kind and not isinstance(kind, str)):
        known = ", ".join(_NOUNS)
        raise ConfigurationError(f"{name!r} is no noun of the data model: use one of {known}")
    if isinstance(document, (str, bytes, bytearray)):
        document = loads(document)
    return noun.from_dict(document)


def encode(noun: Noun, *, indent: int | None = None) -> str:
    """A noun as JSON text: compact unless ``indent`` is given; absent fields are omitted.

    Raises InvalidDataError with the path of everything in it that is no JSON.
    """
    return dumps(noun.to_dict(), indent=indent)
