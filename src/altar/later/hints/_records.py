"""The fields of a class, read from whatever made it: six kinds of records."""

from __future__ import annotations

import dataclasses
import inspect
import types
from typing import TYPE_CHECKING, Any

from altar.later.docstring._parse import Docstring, parse
from altar.later.hints._families import Refused
from altar.later.hints._nodes_record import ABSENT, RecordNode
from altar.later.hints._nodes_row import ArrayRecordNode, TupleRecordNode
from altar.later.hints._resolve import (
    annotations_of,
    class_annotations,
    scope_of_class,
    scope_of_function,
)

if TYPE_CHECKING:
    from altar.later.hints._building import Building
    from altar.later.hints._resolve import Scope

__all__ = ["class_doc", "record_kind"]


def record_kind(cls: Any) -> tuple[str, Any] | None:
    """How a class keeps its fields: (build, reader), or None when it does not say."""
    if hasattr(cls, "__struct_fields__") and hasattr(cls, "__struct_config__"):
        return "call", _struct
    if "__attrs_attrs__" in cls.__dict__:
        return "call", _attrs
    if hasattr(cls, "__dataclass_fields__") and _has_generated_init(cls):
        return "call", _dataclass
    if hasattr(cls, "__total__") and hasattr(cls, "__required_keys__"):
        return "dict", _typeddict
    if issubclass(cls, tuple) and hasattr(cls, "_fields") and hasattr(cls, "_field_defaults"):
        return "tuple", _namedtuple
    return ("call", _plain_class) if _typed_init(cls) else None


def _has_generated_init(cls: Any) -> bool:
    """Whether dataclass itself wrote the constructor; one written by hand is read instead."""
    init = cls.__init__
    return isinstance(init, types.FunctionType) and init.__code__.co_filename == "<string>"


def _is_simple(cls: Any) -> bool:
    """Whether a dataclass's constructor does nothing but set its fields."""
    makes: Any = (type(cls), cls.__new__, cls.__setattr__)
    plain = makes == (type, object.__new__, object.__setattr__)
    return (plain and not hasattr(cls, "__post_init__")) and all(
        item.init and item._field_type.name == "_FIELD"  # noqa: SLF001
        for item in cls.__dataclass_fields__.values()
    )


def new_record(cls: Any, name: str, build: str) -> RecordNode:
    """The node of a record class, still without fields."""
    if getattr(getattr(cls, "__struct_config__", None), "array_like", False):
        return ArrayRecordNode(cls, name)
    if build == "tuple":
        return TupleRecordNode(cls, name)
    return RecordNode(cls, name, build)


def class_doc(cls: Any) -> Docstring:
    """A class's docstring, without the text that dataclass and namedtuple make up."""
    doc = cls.__dict__.get("__doc__")
    made_up = isinstance(doc, str) and doc.startswith(f"{cls.__name__}(")
    return parse(None if made_up or not isinstance(doc, str) else doc)


def typevars_by_class(cls: Any, typevars: dict[Any, Any]) -> dict[Any, dict[Any, Any]]:
    """For each generic base, what its type parameters mean in ``cls``."""
    found = {cls: typevars}
    todo = [cls]
    while todo:
        owner = todo.pop()
        for alias in owner.__dict__.get("__orig_bases__", ()):
            base = getattr(alias, "__origin__", None)
            params = getattr(base, "__parameters__", ())
            if not isinstance(base, type) or not params or base in found:
                continue
            mine = found[owner]
            args = (mine.get(arg, arg) if _hashable(arg) else arg for arg in alias.__args__)
            found[base] = dict(zip(params, args, strict=False))
            todo.append(base)
    return found


def _hashable(value: Any) -> bool:
    return getattr(value, "__hash__", None) is not None


class _Owners:
    """Which class of the MRO made a field, hence where its annotation is looked up."""

    __slots__ = ("_scopes", "cls", "maps", "outer")

    def __init__(self, cls: Any, outer: Scope, typevars: dict[Any, Any]) -> None:
        self.cls = cls
        self.outer = outer
        self.maps = typevars_by_class(cls, typevars)
        self._scopes: dict[Any, Scope] = {}

    def scope(self, field: str) -> Scope:
        owner = self.cls
        for base in self.cls.__mro__:
            if field in class_annotations(base):
                owner = base
                break
        found = self._scopes.get(owner)
        if found is None:
            found = scope_of_class(owner, self.outer, self.maps.get(owner))
            found.owner = self.cls
            self._scopes[owner] = found
        return found

    def doc(self) -> dict[str, str]:
        """Field descriptions of the class's docstring, its bases' filling the gaps."""
        found: dict[str, str] = {}
        for base in reversed(self.cls.__mro__[:-1]):
            doc = class_doc(base)
            found |= doc.params
            found |= doc.attributes
        return found


def _dataclass(
    build: Building, node: RecordNode, cls: Any, outer: Scope, vars_: dict[Any, Any]
) -> None:
    owners = _Owners(cls, outer, vars_)
    docs = owners.doc()
    # fields() leaves out InitVars, which the constructor takes all the same
    every = cls.__dataclass_fields__.values()
    node.simple = _is_simple(cls)
    fields = []
    for item in every:
        kind = item._field_type.name  # noqa: SLF001 - the only way to tell a ClassVar from an InitVar
        if kind == "_FIELD_CLASSVAR" or not item.init:
            continue
        annotation = item.type
        if isinstance(annotation, dataclasses.InitVar):
            annotation = annotation.type
        factory = None if item.default_factory is dataclasses.MISSING else item.default_factory
        default = ABSENT if item.default is dataclasses.MISSING else item.default
        field = build.field(
            item.name, annotation, owners.scope(item.name), default=default, factory=factory
        )
        text = item.metadata.get("description") or item.metadata.get("doc")
        field.description = field.description or text or docs.get(item.name)
        fields.append(field)
    node.fields = tuple(fields)


def _attrs(
    build: Building, node: RecordNode, cls: Any, outer: Scope, vars_: dict[Any, Any]
) -> None:
    owners = _Owners(cls, outer, vars_)
    docs = owners.doc()
    fields = []
    for item in cls.__attrs_attrs__:
        if not item.init:
            continue
        default, factory, required = item.default, None, False
        if getattr(default, "name", "") == "NOTHING":
            default, required = ABSENT, True
        elif type(default).__name__ == "Factory" and hasattr(default, "takes_self"):
            # one that looks at the object is left to the constructor: nothing is passed
            factory = None if default.takes_self else default.factory
            default = ABSENT
        field = build.field(
            item.alias,
            Any if item.type is None else item.type,
            owners.scope(item.name),
            default=default,
            factory=factory,
            required=required,
        )
        text = item.metadata.get("description") or item.metadata.get("doc")
        field.description = field.description or text or docs.get(item.name)
        fields.append(field)
    node.fields = tuple(fields)


def _struct(
    build: Building, node: RecordNode, cls: Any, outer: Scope, vars_: dict[Any, Any]
) -> None:
    owners = _Owners(cls, outer, vars_)
    docs = owners.doc()
    config = cls.__struct_config__
    if config.tag is not None:
        node.const = {config.tag_field or "type": config.tag}
    names = cls.__struct_fields__
    defaults = (ABSENT,) * (len(names) - len(cls.__struct_defaults__)) + cls.__struct_defaults__
    fields = []
    for name, wire, given in zip(names, cls.__struct_encode_fields__, defaults, strict=True):
        factory = getattr(given, "factory", None) if _is_msgspec(given, "Factory") else None
        is_absent = factory is not None or _is_msgspec(given, "NoDefault")
        default = ABSENT if is_absent else given
        scope = owners.scope(name)
        annotation = Any
        for base in cls.__mro__:
            if name in class_annotations(base):
                annotation = class_annotations(base)[name]
                break
        field = build.field(name, annotation, scope, wire=wire, default=default, factory=factory)
        field.description = field.description or docs.get(name)
        fields.append(field)
    node.fields = tuple(fields)


def _is_msgspec(value: Any, name: str) -> bool:
    cls = type(value)
    found = cls.__name__.replace("Type", "") == name
    return found and cls.__module__.startswith("msgspec")


def _typeddict(
    build: Building, node: RecordNode, cls: Any, outer: Scope, vars_: dict[Any, Any]
) -> None:
    docs = class_doc(cls)
    scope = scope_of_class(cls, outer, vars_)
    scope.typevars = _all_typevars(cls, vars_)
    fields = []
    for name, spelled in annotations_of(cls).items():
        required = name in cls.__required_keys__
        annotation, marks = build.strip(spelled, scope)
        if "NotRequired" in marks or "Required" in marks:
            required = "NotRequired" not in marks
        field = build.field(name, annotation, scope, required=required)
        field.description = field.description or docs.attributes.get(name) or docs.params.get(name)
        fields.append(field)
    node.fields = tuple(fields)


def _all_typevars(cls: Any, typevars: dict[Any, Any]) -> dict[Any, Any]:
    merged: dict[Any, Any] = {}
    for found in typevars_by_class(cls, typevars).values():
        merged = {**found, **merged}
    return merged


def _namedtuple(
    build: Building, node: RecordNode, cls: Any, outer: Scope, vars_: dict[Any, Any]
) -> None:
    owners = _Owners(cls, outer, vars_)
    docs = owners.doc()
    annotations: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        annotations |= class_annotations(base)
    fields = []
    for name in cls._fields:
        default = cls._field_defaults.get(name, ABSENT)
        annotation = annotations.get(name, Any)
        field = build.field(name, annotation, owners.scope(name), default=default)
        field.description = field.description or docs.get(name)
        fields.append(field)
    node.fields = tuple(fields)


def _typed_init(cls: Any) -> bool:
    """Whether a class says by its constructor's annotations what it is made of."""
    if getattr(cls, "_is_protocol", False) or inspect.isabstract(cls):
        return False
    if issubclass(cls, (BaseException, type)):
        return False
    init = _constructor(cls)
    if init is None:
        return False
    code = init.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames[1:count]
    known = getattr(init, "__annotations__", {})
    return bool(names) and all(name in known for name in names)


def _constructor(cls: Any) -> Any:
    for base in cls.__mro__[:-1]:
        for name in ("__init__", "__new__"):
            found = base.__dict__.get(name)
            found = getattr(found, "__func__", found)
            if isinstance(found, types.FunctionType):
                return found
            if found is not None:
                return None
    return None


def _plain_class(
    build: Building, node: RecordNode, cls: Any, outer: Scope, vars_: dict[Any, Any]
) -> None:
    init = _constructor(cls)
    docs = class_doc(cls)
    own = parse(init.__doc__)
    texts = {**docs.attributes, **docs.params, **own.params}
    scope = scope_of_function(init, None)
    scope.names = {**outer.names, **scope.names, cls.__name__: cls}
    scope.owner, scope.typevars = cls, _all_typevars(cls, vars_)
    fields = []
    for index, param in enumerate(inspect.signature(init).parameters.values()):
        if index == 0:
            continue
        if param.kind in (param.VAR_POSITIONAL, param.VAR_KEYWORD):
            stars = "*" if param.kind is param.VAR_POSITIONAL else "**"
            what = f"{cls.__name__}, whose constructor takes {stars}{param.name},"
            raise Refused(f"{what} cannot be said in JSON", "parameters that have names")
        default = ABSENT if param.default is param.empty else param.default
        field = build.field(param.name, param.annotation, scope, default=default)
        field.positional = param.kind is param.POSITIONAL_ONLY
        field.description = field.description or texts.get(param.name)
        fields.append(field)
    node.fields = tuple(fields)
