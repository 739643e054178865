"""Which rules can hold for the values of a type at all, asked where a function is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from altar.later.hints._nodes_container import ArrayNode, DictNode, TupleNode
from altar.later.hints._nodes_record import RecordNode
from altar.later.hints._nodes_scalar import BOOL, FLOAT, INT, NONE, STR
from altar.later.hints._nodes_text import NumericText, TextNode

if TYPE_CHECKING:
    from altar.later.hints._nodes import Node

__all__ = ["fits"]

_SAMPLES: Final = ((INT, 0), (FLOAT, 0.0), (STR, ""), (BOOL, True))
_SCALARS: Final = (int, float, str)
_BYTES: Final = ("bytes", "bytearray")
_KNOWN: Final = (ArrayNode, DictNode, TupleNode, RecordNode, TextNode)


def fits(node: Node, name: str, value: Any) -> bool:
    """Whether the rule ``name`` can be asked of what a node loads; True where nobody knows."""
    if not isinstance(node, _KNOWN) and all(node is not known for known in (*_PLAIN, NONE)):
        return True
    if name in ("min_length", "max_length"):
        return not value or _is_sized(node)
    if name == "pattern":
        return node is STR
    if name == "multiple_of":
        return node is INT or node is FLOAT or isinstance(node, NumericText)
    return _compares(node, value)


_PLAIN: Final = tuple(node for node, _ in _SAMPLES)


def _is_sized(node: Node) -> bool:
    if isinstance(node, TextNode):
        return node.name in _BYTES
    if isinstance(node, RecordNode):
        return node.build == "dict" or hasattr(node.cls, "__len__")
    if isinstance(node, ArrayNode):
        return node.make is not iter
    return node is STR or isinstance(node, (DictNode, TupleNode))


def _compares(node: Node, bound: Any) -> bool:
    sample: Any = None
    for known, value in _SAMPLES:
        if node is known:
            sample = value
    if isinstance(node, NumericText):
        sample = node.parse("0")
    if sample is None:  # no sample at hand: no such value compares with a plain number or text
        return not isinstance(bound, _SCALARS) or _has_order(node)
    try:
        return isinstance(sample >= bound, object)
    except Exception:  # noqa: BLE001 - the bound's class may raise anything
        return False


def _has_order(node: Node) -> bool:
    if not isinstance(node, RecordNode) or node.build == "dict":
        return False
    return any("__ge__" in base.__dict__ for base in node.cls.__mro__[:-1])
