"""One scalar for another: the number, boolean, word or null that the schema asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from altar.repair._coerce_names import enum_value, means_member
from altar.repair._coerce_number import boolean_of, is_nothing, number_of
from altar.repair._schema_parts import kind_of, same

if TYPE_CHECKING:
    from altar.repair._coerce_names import Fuzz
    from altar.repair._schema_node import Node

__all__ = ["fits", "mend", "spelled"]

_LARGEST: Final = 2**53  # up to here a float is the whole number it shows
_MOST_BITS: Final = 13_000  # Python writes no integer of more than 4300 digits


def fits(value: Any, node: Node) -> bool:
    """Whether a value is of a type the node allows, and one of its ``enum``; children aside."""
    if value.__class__ in node.sound:
        return True
    kind = kind_of(value)
    if not kind:  # no JSON value: nobody can say
        return True
    if node.enum is not None:
        return is_member(value, node)
    return kind in node.types or (kind == "integer" and "number" in node.types)


def is_member(value: Any, node: Node) -> bool:
    """Whether a value is one of the node's ``enum``."""
    if isinstance(value, (list, dict)):
        return any(same(value, member) for member in node.enum or ())
    members = node.cache.get("members")
    if members is None:
        members = node.cache["members"] = frozenset(
            (member.__class__ is bool, member)
            for member in node.enum or ()
            if not isinstance(member, (list, dict))
        )
    return (value.__class__ is bool, value) in members


def spelled(value: Any) -> str:
    """A scalar as JSON writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def mend(value: Any, node: Node, fuzz: Fuzz, written: str | None = None) -> tuple[Any, str] | None:
    """The scalar that ``value`` stands for and the code of the change; None where none is clear.

    ``written`` is how the source spells a number or literal; a string keeps
    that spelling, so that ``01234`` stays as it is.
    """
    if value.__class__ is int and value.bit_length() > _MOST_BITS:
        return None
    if node.enum is not None:
        return _of_enum(value, node, fuzz, written)
    if value.__class__ is str:
        return _of_text(value, node.types)
    return _of_scalar(value, node.types, written)


def _of_text(text: str, types: frozenset[str]) -> tuple[Any, str] | None:
    if "null" in types and is_nothing(text):
        return None, "coerced_null"
    if "integer" in types or "number" in types:
        number = number_of(text, whole="number" not in types)
        if number is not None:
            return number, "coerced_number"
    if "boolean" in types:
        answer = boolean_of(text)
        if answer is not None:
            return answer, "coerced_boolean"
    return None


def _of_scalar(value: Any, types: frozenset[str], written: str | None) -> tuple[Any, str] | None:
    """From a number or a boolean; null is left alone, for nothing may be made up."""
    if value is None:
        return None
    if value.__class__ is not bool:
        if "integer" in types and value.__class__ is float:
            if value.is_integer() and abs(value) <= _LARGEST:
                return int(value), "coerced_number"
        elif "boolean" in types and (value == 0 or value == 1):
            return bool(value), "coerced_boolean"
    if "string" in types:
        return spelled(value) if written is None else written, "coerced_string"
    return None


def _of_enum(value: Any, node: Node, fuzz: Fuzz, written: str | None) -> tuple[Any, str] | None:
    if value is None:
        return None
    if value.__class__ is str:
        if is_nothing(value) and is_member(None, node) and not means_member(value, node):
            return None, "coerced_null"
        found = enum_value(value, node, fuzz)
        if found is not None:
            return found, "coerced_enum"
        for other in (number_of(value, whole=False), boolean_of(value)):
            if other is not None and is_member(other, node):
                return other, "coerced_enum"
        return None
    texts = [spelled(value)] if written is None else [written, spelled(value)]
    if value.__class__ is bool:
        texts += ["yes", "on"] if value else ["no", "off"]
    for text in texts:
        found = means_member(text, node)
        if found is not None:
            return found, "coerced_enum"
    return None
