"""From a class to its node, remembered for as long as the class lives."""

from __future__ import annotations

import enum
import weakref
from typing import TYPE_CHECKING, Annotated, Any, Final

from altar.later.hints._custom import CustomNode, custom_of, on_change
from altar.later.hints._families import BASIC, Refused, spell
from altar.later.hints._metadata import Facts, read_metadata
from altar.later.hints._nodes_choice import EnumNode, FlagNode
from altar.later.hints._nodes_pydantic import PydanticNode, ValidatedNode, is_pydantic
from altar.later.hints._nodes_rules import ConvertNode
from altar.later.hints._param import Param
from altar.later.hints._records import class_doc, new_record, record_kind
from altar.later.hints._text_types import text_node

if TYPE_CHECKING:
    from altar.later.hints._building import Building
    from altar.later.hints._nodes import Node
    from altar.later.hints._resolve import Scope

__all__ = ["class_node", "typed_class_node", "validated_node"]

# id(class) -> (weak class, node, the other classes its node needs alive)
_nodes: dict[int, tuple[Any, Node, tuple[Any, ...]]] = {}
on_change(_nodes.clear)

_BASES: Final = (str, int, float, list, dict, set, frozenset, tuple)


def class_node(build: Building, cls: Any, scope: Scope) -> Node:
    """The node of a class without type arguments."""
    basic = BASIC.get(cls)
    if basic is not None:
        return basic
    known = _nodes.get(id(cls))
    if known is not None and known[0]() is cls:
        build.keep.append(cls)
        return known[1]
    return typed_class_node(build, cls, (), scope)


def typed_class_node(build: Building, cls: Any, args: tuple[Any, ...], scope: Scope) -> Node:
    """The node of a class, with the arguments of its type parameters."""
    build.keep.append(cls)
    custom = custom_of(cls, plugins=False)
    if custom is not None:
        return _remember(cls, args, CustomNode(cls.__name__, custom))
    if issubclass(cls, enum.Flag):
        return _remember(cls, args, FlagNode(cls))
    if issubclass(cls, enum.Enum):
        if not len(cls):
            raise Refused(f"the enum {cls.__name__} has no members", "one that has some")
        return _remember(cls, args, EnumNode(cls, class_doc(cls).summary or None))
    if is_pydantic(cls):
        return _remember(cls, args, _pydantic(cls))
    kind = record_kind(cls)
    if kind is not None:
        return _record(build, cls, args, scope, kind)
    return _other(build, cls, args)


def _other(build: Building, cls: Any, args: tuple[Any, ...]) -> Node:
    found = text_node(cls)
    if found is not None:
        return _remember(cls, args, found)
    for base in _BASES:
        if issubclass(cls, base) and cls.__new__ is not tuple.__new__:
            return _remember(cls, args, ConvertNode(BASIC[base], cls))
    custom = custom_of(cls)
    if custom is not None:
        return _remember(cls, args, CustomNode(cls.__name__, custom))
    raise Refused.of(spell(cls), cls)


def _pydantic(cls: Any) -> Node:
    try:
        return PydanticNode(cls)
    except Exception as error:
        what = f"{cls.__name__} has no JSON Schema ({type(error).__name__})"
        raise Refused(what, "a model whose model_json_schema() works") from error


def validated_node(annotation: Any, metadata: tuple[Any, ...], facts: Facts) -> Node:
    """The node of ``Annotated[annotation, *metadata]`` that pydantic validates as a whole."""
    own = Facts()  # Param is altar's: pydantic does not know it
    read_metadata([item for item in metadata if item.__class__ is Param], own)
    facts.rules = own.rules
    text = spell(annotation)
    try:
        return ValidatedNode(Annotated[(annotation, *metadata)], text)
    except Exception as error:
        names = ", ".join(dict.fromkeys(type(item).__name__ for item in metadata))
        what = f"Annotated[{text}, ...] with {names} has no JSON Schema ({type(error).__name__})"
        raise Refused(what, "a pydantic model with a field of this type") from error


def _record(
    build: Building, cls: Any, args: tuple[Any, ...], scope: Scope, kind: tuple[str, Any]
) -> Node:
    params = getattr(cls, "__parameters__", ()) or getattr(cls, "__type_params__", ())
    typevars = {}
    for param, arg in zip(params, args, strict=False):
        try:
            typevars[param] = scope.typevars.get(arg, arg)
        except TypeError:
            typevars[param] = arg
    key = (cls, tuple(map(repr, typevars.values())))
    complete = None if args else build.finished.get(cls)
    if complete is not None:
        return complete
    known = build.building.get(key)
    if known is not None:
        known.recursive = True
        return known  # type: ignore[no-any-return]
    style, fill = kind
    node = new_record(cls, cls.__name__, style)
    node.describe(class_doc(cls).summary)
    build.building[key] = node
    before = len(build.unresolved) + len(build.refusals)
    try:
        fill(build, node, cls, scope, typevars)
    finally:
        del build.building[key]
    if before != len(build.unresolved) + len(build.refusals):
        build.finished.clear()
    elif not args:
        build.finished[cls] = node
    if not build.building:
        _publish(build)
    return node


def _publish(build: Building) -> None:
    """Remember the records that are complete, now that nothing around them is unfinished."""
    for cls, node in build.finished.items():
        others = tuple(other for other in build.keep if other is not cls)
        _remember(cls, (), node, others)
    build.finished.clear()


def _remember(cls: Any, args: tuple[Any, ...], node: Node, others: tuple[Any, ...] = ()) -> Node:
    if not args:
        mine = id(cls)
        try:
            ref = weakref.ref(cls, lambda _: _nodes.pop(mine, None))
        except TypeError:
            return node
        _nodes[mine] = (ref, node, others)
    return node
