"""Families of types: which classes are arrays, which are mappings, and what is refused."""

from __future__ import annotations

import collections
import numbers
import types
from base64 import b64encode
from collections import abc
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from altar.later.hints._nodes import AnyNode, Node, NoneType
from altar.later.hints._nodes_choice import LiteralNode, enum_wire
from altar.later.hints._nodes_container import ArrayNode, DictNode
from altar.later.hints._nodes_scalar import BOOL, FLOAT, INT, NONE, STR
from altar.later.hints._nodes_union import UnionNode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ARRAYS", "BASIC", "DICTS", "Refused", "array_of", "dict_of", "literal_of", "spell"]


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """A type that JSON cannot say; what it is, and what to write instead."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(f"{what}; write {instead} instead")

    @classmethod
    def of(cls, text: str, origin: Any) -> Refused:
        """The refusal of a type, with advice that fits it."""
        name = getattr(origin, "_name", None) or getattr(origin, "__name__", "") or ""
        advice = _ADVICE.get(name)
        if advice is None and isinstance(origin, type) and issubclass(origin, BaseException):
            advice = "str for the message"
        general = "a dataclass or TypedDict, or make it known with altar.register_type(...)"
        return cls(f"{text} cannot be said in JSON", advice or general)


_ADVICE: Final = {
    "Callable": "a Literal of names, and look the function up inside",
    "Generator": "list[...] of its items",
    "AsyncGenerator": "list[...] of its items",
    "AsyncIterator": "list[...] of its items",
    "AsyncIterable": "list[...] of its items",
    "Awaitable": "the type it resolves to",
    "Coroutine": "the type it resolves to",
    "type": "a Literal of names",
    "Type": "a Literal of names",
    "module": "str for the module's name",
    "TextIO": "str for the text, or pathlib.Path for the file",
    "BinaryIO": "bytes, or pathlib.Path for the file",
    "IO": "str or bytes, or pathlib.Path for the file",
    "memoryview": "bytes",
    "range": "two int parameters",
    "Never": "a type that has values",
    "NoReturn": "a type that has values",
}


def spell(annotation: Any) -> str:
    """An annotation as one would write it."""
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        module = annotation.__module__
        name = annotation.__qualname__.rpartition("<locals>.")[2]
        plain = module in ("builtins", "__main__", "typing", "collections.abc")
        return name if plain else f"{module}.{name}"
    return str(annotation).replace("typing.", "").replace("collections.abc.", "")


ARRAYS: Final[dict[Any, Callable[[list[Any]], Any]]] = {
    list: list,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Collection: list,
    abc.Iterable: list,
    abc.Container: list,
    abc.Reversible: list,
    abc.Iterator: iter,
    set: set,
    abc.Set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
}

DICTS: Final[dict[Any, Callable[[dict[Any, Any]], Any]]] = {
    dict: dict,
    abc.Mapping: dict,
    abc.MutableMapping: dict,
    collections.OrderedDict: collections.OrderedDict,
    collections.Counter: collections.Counter,
    collections.defaultdict: partial(collections.defaultdict, None),
    types.MappingProxyType: types.MappingProxyType,
}

_SETS: Final = (set, frozenset)
_FACTORIES: Final = (list, dict, set, int, float, str, bool, collections.deque, collections.Counter)


def array_of(origin: Any, item: Node, text: str) -> ArrayNode:
    """The node of an array class over one item type."""
    make = ARRAYS.get(origin, tuple)
    if make in _SETS and not item.hashable:
        raise Refused(f"{text} can hold no such items, they are not hashable", "list[...]")
    return ArrayNode(item, make, unique=make in _SETS)


def dict_of(origin: Any, key: Node, value: Node, kind: Any, text: str) -> DictNode:
    """The node of a mapping class; ``kind`` is the annotation of its values."""
    if key.key_schema() is None:
        raise Refused(f"the keys of {text} cannot be JSON names", "str, int or Enum keys")
    make = DICTS[origin]
    if origin is collections.defaultdict:
        base = getattr(kind, "__origin__", kind)
        factory: Any = base if base in _FACTORIES else ARRAYS.get(base) or DICTS.get(base)
        make = partial(collections.defaultdict, factory)
    return DictNode(key, value, make)


def literal_of(values: tuple[Any, ...]) -> LiteralNode:
    """The node of ``Literal[...]``; those of texts alone are shared."""
    if not values:
        raise Refused("Literal[()] has no value", "one that has some")
    for value in values:
        if value.__class__ is not str:
            return _literal_of(values)
    known = _literals.get(values)
    if known is None:
        if len(_literals) >= _MAX_LITERALS:
            _literals.clear()
        known = _literals[values] = _literal_of(values)
    return known


_MAX_LITERALS: Final = 1024
_literals: dict[tuple[Any, ...], LiteralNode] = {}


def _literal_of(values: tuple[Any, ...]) -> LiteralNode:
    pairs: list[tuple[Any, Any]] = []
    names: dict[str, Any] = {}
    for value in values:
        wire = value
        if isinstance(value, Enum):
            wire = enum_wire(value)
            wire = value.name if wire is None else wire
            names[value.name] = value
        elif isinstance(value, bytes):
            wire = b64encode(value).decode()
        elif not isinstance(value, (str, int, NoneType)):
            raise Refused(f"Literal[{value!r}] is no JSON value", "texts, numbers or enum members")
        pairs.append((wire, value))
    node = LiteralNode(pairs, names)
    node.identity = all(wire is out for wire, out in pairs)
    return node


_ANY: Final = AnyNode()
_NUMBER: Final = UnionNode((INT, FLOAT))

BASIC: Final[dict[Any, Node]] = {
    str: STR,
    int: INT,
    float: FLOAT,
    bool: BOOL,
    NoneType: NONE,
    object: _ANY,
    Any: _ANY,
    tuple: ArrayNode(_ANY, tuple),
    numbers.Number: _NUMBER,
    numbers.Complex: _NUMBER,
    numbers.Real: _NUMBER,
    numbers.Rational: INT,
    numbers.Integral: INT,
}
BASIC.update((cls, ArrayNode(_ANY, make, unique=make in _SETS)) for cls, make in ARRAYS.items())
BASIC.update(
    (cls, DictNode(STR, _ANY, make))
    for cls, make in DICTS.items()
    if cls is not collections.Counter
)
BASIC[collections.Counter] = DictNode(STR, INT, collections.Counter)
