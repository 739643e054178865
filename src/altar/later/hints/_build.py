"""Builder: from an annotation to its node."""

from __future__ import annotations

import re
import types
import typing
from typing import TYPE_CHECKING, Any, Final

from altar.later.hints._classes import class_node, typed_class_node, validated_node
from altar.later.hints._families import (
    ARRAYS,
    BASIC,
    DICTS,
    Refused,
    array_of,
    dict_of,
    literal_of,
    spell,
)
from altar.later.hints._metadata import Facts, read_metadata
from altar.later.hints._nodes import Node
from altar.later.hints._nodes_container import TupleNode
from altar.later.hints._nodes_noted import NotedNode
from altar.later.hints._nodes_record import ABSENT, Field, RecordNode
from altar.later.hints._nodes_rules import CheckedNode, Rules, constrain
from altar.later.hints._nodes_scalar import NONE, STR
from altar.later.hints._nodes_union import RefNode, UnionNode
from altar.later.hints._resolve import Scope, Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Builder", "constrained", "settle_field"]

_QUALIFIERS: Final = ("Required", "NotRequired", "ReadOnly", "Final", "ClassVar")
_NAMED: Final = {"LiteralString": STR, "AnyStr": STR}
ANY: Final = BASIC[object]


class Builder:
    """Builds the nodes of one signature.

    ``refusals`` collects what cannot be expressed, each with its place;
    ``unresolved`` the names that only a type checker can see. ``building``
    holds what is under construction, so that a type that stands within
    itself is met again instead of built forever.
    """

    __slots__ = ("building", "default", "finished", "keep", "refusals", "unresolved")

    def __init__(self) -> None:
        self.building: dict[Any, Any] = {}
        self.finished: dict[Any, RecordNode] = {}
        self.keep: list[Any] = []
        self.refusals: list[str] = []
        self.unresolved: list[str] = []
        self.default: Any = ABSENT

    def place(self, annotation: Any, scope: Scope) -> tuple[Node, Facts | None]:
        """The node of a parameter or field, and what Annotated says about it."""
        if annotation.__class__ is type:
            known = BASIC.get(annotation)
            if known is not None:
                return known, None
        if annotation.__class__ is str:
            annotation = self.evaluate(annotation, scope)
        facts = None
        metadata: tuple[Any, ...] = ()
        while hasattr(annotation, "__metadata__"):
            facts = facts or Facts()
            inner = annotation.__origin__
            metadata = (*annotation.__metadata__, *metadata)
            annotation = self.evaluate(inner, scope) if inner.__class__ is str else inner
        if facts is not None:
            read_metadata(metadata, facts)
        if facts is not None and facts.validated:
            node = validated_node(annotation, metadata, facts)
        else:
            node = self.node(annotation, scope)
        if facts is not None and facts.rules:
            node = constrained(node, facts.rules)
        return node, facts

    def field(
        self,
        name: str,
        annotation: Any,
        scope: Scope,
        *,
        wire: str | None = None,
        required: bool | None = None,
        default: Any = ABSENT,
        factory: Callable[[], Any] | None = None,
    ) -> Field:
        """A field of a record; what cannot be expressed is noted and stands as anything."""
        outer, self.default = self.default, default
        try:
            annotation, _ = self.strip(annotation, scope)
            node, facts = self.place(annotation, scope)
        except Refused as refused:
            self.refusals.append(f"field {name!r} of {spell(scope.owner)}: {refused}")
            node, facts = ANY, None
        finally:
            self.default = outer
        if required is None:
            required = default is ABSENT and factory is None
        field = Field(name, node, wire=wire, required=required, default=default, factory=factory)
        settle_field(field, facts)
        return field

    def strip(self, annotation: Any, scope: Scope) -> tuple[Any, set[str]]:
        """An annotation without Required, NotRequired, ReadOnly and Final around it."""
        marks: set[str] = set()
        while True:
            if annotation.__class__ is str:
                annotation = self.evaluate(annotation, scope)
            elif hasattr(annotation, "__forward_arg__"):
                annotation = scope.lookup(annotation)
            name = _special_name(getattr(annotation, "__origin__", None))
            if name not in _QUALIFIERS:
                return annotation, marks
            marks.add(name)
            annotation = annotation.__args__[0]

    def evaluate(self, text: str, scope: Scope) -> Any:
        """What a string annotation means; unknown names degrade, other mistakes are refused."""
        try:
            found = scope.evaluate(text)
            # quotes of one's own, in a module whose annotations are texts anyway
            return scope.evaluate(found) if found.__class__ is str else found
        except Exception as error:
            what = f"the annotation {text!r} cannot be evaluated ({type(error).__name__})"
            raise Refused(what, "an annotation that Python can evaluate") from error

    def node(self, annotation: Any, scope: Scope) -> Node:
        """The node of any annotation; raises Refused for what cannot be expressed."""
        if annotation is None:
            return NONE
        cls = annotation.__class__
        if cls is str:
            return self._named(annotation, self.evaluate(annotation, scope), scope)
        if cls is Unresolved:
            self.unresolved.append(annotation.name)
            return ANY
        if isinstance(annotation, type) and cls is not types.GenericAlias:
            return class_node(self, annotation, scope)
        origin = getattr(annotation, "__origin__", None)
        if cls is types.UnionType or origin is typing.Union:
            return self._recursive(annotation, scope, self._union)
        if origin is typing.Literal or _special_name(origin) == "Literal":
            return literal_of(annotation.__args__)
        if hasattr(annotation, "__metadata__"):
            return self._noted(annotation, scope)
        if origin is not None:
            return self._recursive(annotation, scope, self._generic)
        return self._special(annotation, scope)

    def _named(self, name: str, annotation: Any, scope: Scope) -> Node:
        """A type reached by name: met within itself, it is a reference."""
        key = _key(annotation, scope)
        if key in self.building and not isinstance(annotation, type):
            return self._reference(key, name)
        return self.node(annotation, scope)

    def _reference(self, key: Any, name: str) -> RefNode:
        known = self.building[key]
        if known is None:
            known = self.building[key] = RefNode(name if name.isidentifier() else "Type")
        return typing.cast(RefNode, known)

    def _recursive(
        self, annotation: Any, scope: Scope, make: Callable[[Any, Scope], Node], name: str = "Type"
    ) -> Node:
        """Build a composite type that may stand within itself."""
        key = _key(annotation, scope)
        if key in self.building:
            return self._reference(key, name)
        self.building[key] = None
        try:
            node = make(annotation, scope)
        finally:
            ref = self.building.pop(key)
        return node if ref is None else _closed(ref, node)

    def _union(self, annotation: Any, scope: Scope) -> Node:
        options: list[Node] = []
        for arg in annotation.__args__:
            try:
                option = self.node(arg, scope)
            except Refused:
                # x: int | Missing = MISSING: a sentinel is no alternative for a caller
                if arg in type(self.default).__mro__:
                    continue
                raise
            if isinstance(option, UnionNode):
                options += [inner for inner in option.options if inner not in options]
            elif option not in options:
                options.append(option)
        return options[0] if len(options) == 1 else UnionNode(tuple(options))

    def _noted(self, annotation: Any, scope: Scope) -> Node:
        node, facts = self.place(annotation, scope)
        if facts is None or not (facts.description or facts.examples or facts.extra):
            return node
        return NotedNode(node, facts)

    def _generic(self, annotation: Any, scope: Scope) -> Node:
        origin = annotation.__origin__
        args = getattr(annotation, "__args__", None)
        if origin in ARRAYS:
            item = self.node(args[0], scope) if args else ANY
            return array_of(origin, item, spell(annotation))
        if origin in DICTS:
            return self._dict(origin, args, scope, spell(annotation))
        if origin is tuple:
            return self._tuple(args, scope)
        if hasattr(origin, "__value__"):
            return self._alias(origin, args, scope)
        name = _special_name(origin)
        if name in _QUALIFIERS:
            return self.node(annotation.__args__[0], scope)
        if name in ("Unpack", "Type", "type") or origin is type or not isinstance(origin, type):
            raise Refused.of(spell(annotation), origin)
        return typed_class_node(self, origin, tuple(args or ()), scope)

    def _dict(self, origin: Any, args: Any, scope: Scope, text: str) -> Node:
        if not args:
            return dict_of(origin, STR, ANY, Any, text)
        if len(args) == 1:  # Counter[str]
            args = (args[0], int)
        key, value = self.node(args[0], scope), self.node(args[1], scope)
        return dict_of(origin, key, value, args[1], text)

    def _tuple(self, args: Any, scope: Scope) -> Node:
        if args is None:
            return array_of(tuple, ANY, "tuple")
        if len(args) == 2 and args[1] is ...:
            return array_of(tuple, self.node(args[0], scope), "tuple")
        items: list[Node] = []
        rest: Node | None = None
        for arg in args:
            if rest is not None:
                raise Refused("a tuple that goes on after its open part", "a list")
            if (inner := _unpacked(arg)) is None:
                items += [self.node(arg, scope)] if arg != () else []
            elif len(inner) == 2 and inner[1] is ...:
                rest = self.node(inner[0], scope)
            else:
                items += [self.node(part, scope) for part in inner if part != ()]
        if rest is not None and not items:
            return array_of(tuple, rest, "tuple")
        return TupleNode(tuple(items), rest)

    def _alias(self, alias: Any, args: Any, scope: Scope) -> Node:
        """A PEP 695 alias, generic or not; its arguments are resolved before its body."""
        typevars = dict(scope.typevars)
        for param, arg in zip(alias.__type_params__, args or (), strict=False):
            typevars[param] = scope.typevars.get(arg, arg) if _is_typevar(arg) else arg
        names = {**scope.names, **{p.__name__: p for p in alias.__type_params__}}
        inner = Scope(scope.module, names, owner=scope.owner, typevars=typevars)
        values = tuple(map(repr, (typevars[p] for p in alias.__type_params__ if p in typevars)))
        key = ("alias", id(alias), values)
        if key in self.building:
            return self._reference(key, alias.__name__)
        self.building[key] = None
        try:
            node = self.node(alias.__value__, inner)
        except NameError as error:
            raise Refused(
                f"the alias {alias.__name__} names an unknown type", "a known one"
            ) from error
        finally:
            ref = self.building.pop(key)
        return node if ref is None else _closed(ref, node)

    def _special(self, annotation: Any, scope: Scope) -> Node:
        """TypeVars, NewTypes, aliases, forward references and typing's special names."""
        if hasattr(annotation, "__forward_arg__"):
            found = scope.lookup(annotation)
            return self._named(annotation.__forward_arg__, found, scope)
        if hasattr(annotation, "__supertype__"):
            return self.node(annotation.__supertype__, scope)
        if _is_typevar(annotation):
            return self._typevar(annotation, scope)
        if hasattr(annotation, "__value__"):
            return self._alias(annotation, (), scope)
        name = _special_name(annotation)
        if name == "Any" or name == "Final":
            return ANY
        if name == "Self" and scope.owner is not None:
            return self.node(scope.owner, scope)
        if name in _NAMED:
            return _NAMED[name]
        raise Refused.of(spell(annotation), annotation)

    def _typevar(self, var: Any, scope: Scope) -> Node:
        known = scope.typevars.get(var, var)
        if known is not var:
            return self.node(known, scope)
        if var.__name__ == "AnyStr" and var.__module__ == "typing":
            return STR
        if var.__bound__ is not None:
            return self.node(var.__bound__, scope)
        if var.__constraints__:
            return UnionNode(tuple(self.node(arg, scope) for arg in var.__constraints__))
        return ANY


def _closed(ref: RefNode, node: Node) -> RefNode:
    """The reference, now that its type is built; raises Refused where that is only itself."""
    todo = [node]
    seen: set[int] = set()
    while todo:
        part = todo.pop()
        if part is ref:
            raise Refused(f"the type {ref.name} stands for itself", "what it is made of")
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, UnionNode):
            todo += part.options
        elif isinstance(part, RefNode):
            todo += [] if part.target is None else [part.target]
        elif isinstance(part, (NotedNode, CheckedNode)):
            todo.append(part.inner)
    ref.target = node
    return ref


def constrained(node: Node, rules: Rules) -> Node:
    """The node under rules; raises Refused for a pattern that does not compile."""
    try:
        return constrain(node, rules)
    except re.error as error:
        what = f"the pattern {rules.pattern!r} is no regular expression"
        raise Refused(what, "one that re.compile takes") from error


def settle_field(field: Any, facts: Facts | None) -> None:
    """Put what Annotated says into a field or parameter."""
    if facts is None:
        return
    field.description = facts.description or field.description
    if facts.examples:
        field.extra["examples"] = list(facts.examples)
    field.extra.update(facts.extra)


def _special_name(origin: Any) -> str:
    if origin is None or isinstance(origin, type):
        return ""
    return getattr(origin, "_name", None) or getattr(origin, "__name__", None) or ""


def _is_typevar(annotation: Any) -> bool:
    return hasattr(annotation, "__bound__") and hasattr(annotation, "__constraints__")


def _key(annotation: Any, scope: Scope) -> Any:
    return id(annotation), tuple(map(id, scope.typevars.values()))


def _unpacked(arg: Any) -> tuple[Any, ...] | None:
    """The arguments of ``*tuple[...]`` or ``Unpack[tuple[...]]``; None for anything else."""
    if not getattr(arg, "__unpacked__", False):
        if _special_name(getattr(arg, "__origin__", None)) != "Unpack":
            return None
        arg = arg.__args__[0]
    if getattr(arg, "__origin__", None) is not tuple:
        return None
    inner: tuple[Any, ...] = arg.__args__
    return inner
