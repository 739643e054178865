"""DSPy's signature strings, read as DSPy reads them. Needs no DSPy."""

from __future__ import annotations

import ast
import builtins
import types
import typing
from importlib import import_module
from typing import TYPE_CHECKING, Any

from altar.errors import DeclarationError
from altar_extras._dspy_fields import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["parse_signature"]

_BUILT_IN = {"int", "str", "float", "bool", "complex", "bytes", "bytearray"} | {
    *("list", "tuple", "dict", "set", "frozenset")
}
_GENERIC: Any = type(typing.List[int])  # noqa: UP006 - the class of typing's own
_SPECIAL: Any = type(typing.ClassVar)
_ARROW = '"inputs -> outputs", such as "question: str -> answer: float"'


class _UnreadableError(Exception):
    """A type that is none; the message says why."""


def parse_signature(
    text: str, custom: Mapping[str, Any] | None = None
) -> tuple[list[Field], list[Field]]:
    """Inputs and outputs of ``"question: str, tags: list[str] -> answer: float"``.

    ``custom`` names types beside those of the language, of ``typing`` and of
    modules written with a dot (``datetime.date``). A field without a type is text.

    DeclarationError with everything that is wrong.
    """
    problems: list[str] = []
    sides = text.split("->")
    if len(sides) != 2:
        raise DeclarationError(_shown(text), [f"exactly one '->' is needed: write {_ARROW}"])
    names: dict[str, Any] = {**typing.__dict__, "NoneType": type(None), **(custom or {})}
    inputs, outputs = (
        _side(part, kind, names, problems)
        for part, kind in zip(sides, ("input", "output"), strict=True)
    )
    twice = {field.name for field in inputs} & {field.name for field in outputs}
    problems += [f"{name!r} is an input and an output: rename one" for name in sorted(twice)]
    if problems:
        raise DeclarationError(_shown(text), problems)
    return inputs, outputs


def _side(part: str, kind: str, names: dict[str, Any], problems: list[str]) -> list[Field]:
    try:
        tree = ast.parse(f"def f({part.strip()}): pass")
    except (SyntaxError, ValueError):
        problems.append(f"the {kind}s cannot be read: {part.strip()!r:.80}; write {_ARROW}")
        return []
    head = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(head, ast.FunctionDef):
        problems.append(f"the {kind}s cannot be read: {part.strip()!r:.80}; write {_ARROW}")
        return []
    given = head.args
    if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs or given.defaults:
        problems.append(f"the {kind}s are names with types, without '*', '/' and '='")
        return []
    fields: dict[str, Field] = {}
    for argument in given.args:
        name = argument.arg
        if name in fields:
            problems.append(f"{kind} {name!r} is there twice: rename one")
        if name.startswith("_") or name == "model_config":
            problems.append(f"{kind} {name!r}: DSPy takes no field of this name, rename it")
        try:
            fields[name] = Field(name, _type_of(argument.annotation, names))
        except _UnreadableError as error:
            problems.append(f"{kind} {name!r}: {error}")
    return list(fields.values())


def _type_of(node: ast.expr | None, names: dict[str, Any]) -> Any:
    """The type that a whole annotation stands for."""
    if node is None:
        return str
    found = _read(node, names)
    if found is None:
        return str  # as in DSPy
    if not isinstance(found, (type, types.GenericAlias, types.UnionType, _GENERIC, _SPECIAL)):
        written = ast.unparse(node)
        raise _UnreadableError(f"{written:.80} is no type; write one such as str or list[int]")
    return found


def _read(node: ast.expr, names: dict[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return _named(name, names)
        case ast.Constant(value=value):
            return value
        case ast.Attribute(value=base, attr=name):
            return _attribute(base, name, names)
        case ast.Tuple(elts=parts):
            return tuple(_read(part, names) for part in parts)
        case ast.Subscript(value=base, slice=inner):
            return _subscript(node, _read(base, names), _read(inner, names))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either(node, _read(left, names), _read(right, names))
    raise _UnreadableError(f"{ast.unparse(node):.80} cannot be read; write a class-based signature")


def _named(name: str, names: dict[str, Any]) -> Any:
    if name in names:
        return names[name]
    if name in _BUILT_IN:
        return getattr(builtins, name)
    raise _UnreadableError(
        f"unknown type {name!r}; write one of Python's or typing's, a dotted name such as "
        f"datetime.date, or give it with types={{{name!r}: ...}}"
    )


def _attribute(base: ast.expr, name: str, names: dict[str, Any]) -> Any:
    whole = f"{ast.unparse(base)}.{name}"
    if whole in names:
        return names[whole]
    if isinstance(base, ast.Name) and base.id not in names and base.id not in _BUILT_IN:
        try:
            owner = import_module(base.id)
        except ImportError:
            raise _UnreadableError(
                f"unknown type {whole!r}: there is no module {base.id!r} here"
            ) from None
    else:
        owner = _read(base, names)
    try:
        return getattr(owner, name)
    except AttributeError:
        raise _UnreadableError(f"unknown type {whole!r}") from None


def _subscript(node: ast.expr, base: Any, inner: Any) -> Any:
    texts = [
        part for part in (inner if isinstance(inner, tuple) else (inner,)) if type(part) is str
    ]
    if texts and base not in (typing.Literal, typing.Annotated):
        raise _UnreadableError(f"{texts[0]!r:.80} is no type; write it without quotes")
    try:
        return base[inner]
    except (TypeError, AttributeError) as error:
        raise _UnreadableError(f"{ast.unparse(node):.80} is no type: {error}") from None


def _either(node: ast.expr, left: Any, right: Any) -> Any:
    texts = [part for part in (left, right) if type(part) is str]
    if texts:
        raise _UnreadableError(f"{texts[0]!r:.80} is no type; write it without quotes")
    try:
        return typing.Union[left, right]  # noqa: UP007 - they are values
    except TypeError:
        raise _UnreadableError(f"{ast.unparse(node):.80} is no type") from None


def _shown(text: str) -> str:
    return f"the DSPy signature {text.strip()!r:.100}"
