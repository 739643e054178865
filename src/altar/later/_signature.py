"""Signature: a callable's parameters as nodes, with everything said about them."""

from __future__ import annotations

import functools
import sys
import types
import typing
from typing import TYPE_CHECKING, Any, Final

from altar.errors import DeclarationError
from altar.later._mark import default_name
from altar.later.docstring._parse import Docstring
from altar.later.hints._build import Builder, constrained, settle_field
from altar.later.hints._callables import (
    KEYWORD_ONLY,
    VAR_KEYWORD,
    VAR_POSITIONAL,
    RawParameter,
    doc_of,
    inspect_signature,
    is_unbound,
    is_wrapped,
    kind_of,
    place_of,
    plain_parameters,
    scope_of_odd,
)
from altar.later.hints._families import BASIC, Refused, spell
from altar.later.hints._metadata import Facts, field_default, read_metadata
from altar.later.hints._nodes_record import ABSENT, RecordNode
from altar.later.hints._param import Param
from altar.later.hints._resolve import Scope, Unresolved, scope_of_function

if TYPE_CHECKING:
    from altar.later._mark import Mark
    from altar.later.hints._nodes import Node

__all__ = ["Parameter", "Signature", "read_signature"]

_ANY: Final = BASIC[object]
_CONTEXT_NAMES: Final = frozenset({"ctx", "context"})
_FLAT: Final = -1  # **kwargs: Unpack[...], whose keys become parameters


class Parameter:
    """One parameter: its name, how it is passed, its node, default and description.

    ``kind`` is one of inspect's five kinds as an integer. ``required`` is
    False for a parameter with a default, a factory, or one that may be left
    out (a NotRequired key of ``**kwargs: Unpack[...]``).
    """

    __slots__ = ("default", "description", "extra", "factory", "kind", "name", "node", "required")

    def __init__(self, name: str, kind: int, node: Node, default: Any) -> None:
        self.name = name
        self.kind = kind
        self.node = node
        self.default = default
        self.required = default is ABSENT and kind not in (VAR_POSITIONAL, VAR_KEYWORD)
        self.factory: Any = None
        self.description: str | None = None
        self.extra: dict[str, Any] | None = None

    @property
    def wire(self) -> str:
        """The argument's name in JSON."""
        return self.name

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, {self.node.label})"


class Signature:
    """Everything altar knows about a callable.

    ``kind`` is "sync", "async", "generator" or "async_generator"; ``context``
    names the injected Context parameter, or is None, and ``deps`` the type D
    of a ``Context[D]`` that cannot be None; ``said`` are the fields with which the
    declaration tells the tool's options; ``returns`` is the node
    of the return annotation, or None; ``warnings`` are sentences. ``params``
    holds the Context parameter too, with ``node`` None.
    """

    __slots__ = (
        "context",
        "deps",
        "description",
        "keep",
        "kind",
        "name",
        "params",
        "returns",
        "returns_text",
        "said",
        "target",
        "warnings",
    )

    def __init__(self, target: Any, name: str) -> None:
        self.target = target
        self.name = name
        self.description = ""
        self.said: dict[str, Any] = {}
        self.params: tuple[Parameter, ...] = ()
        self.kind = "sync"
        self.context: str | None = None
        self.deps: str | None = None
        self.returns: Node | None = None
        self.returns_text: str | None = None
        self.warnings: tuple[str, ...] = ()
        self.keep: Any = ()

    def __repr__(self) -> str:
        return f"Signature({self.name!r}, {list(self.params)!r})"


def read_signature(fn: Any, *, mark: Mark | None = None, strict: bool = False) -> Signature:
    """Read a callable's parameters, docstring and return type.

    ``strict`` turns warnings (a name only a type checker can see, a
    documented parameter that does not exist) into errors. Raises
    DeclarationError with every problem of the signature.
    """
    return _Reader(fn, mark, strict).read()


class _Reader:
    """Reads one callable."""

    __slots__ = ("build", "fn", "mark", "problems", "scope", "strict", "warnings")

    def __init__(self, fn: Any, mark: Mark | None, strict: bool) -> None:
        if isinstance(fn, staticmethod):
            fn = fn.__func__
        if not callable(fn):
            hint = "pass a function, or a method of an object"
            raise DeclarationError(repr(fn), [f"it is no callable: {hint}"])
        self.fn = fn
        self.mark = mark
        self.strict = strict
        self.build = Builder()
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def read(self) -> Signature:
        fn, mark = self.fn, self.mark
        signature = Signature(fn, mark.name if mark else default_name(fn))
        signature.kind = kind_of(fn)
        raws, returns = self._raw()
        docs = doc_of(fn)
        params = []
        texts = docs.params
        for raw in raws:
            known = BASIC.get(raw.annotation) if raw.annotation.__class__ is type else None
            if known is not None and raw.default.__class__.__module__ == "builtins":
                param = Parameter(raw.name, raw.kind, known, raw.default)
                param.description = texts.get(raw.name)
                params.append(param)
                continue
            param = self._param(raw, docs, signature)
            if (
                raw.kind == VAR_KEYWORD
                and isinstance(param.node, RecordNode)
                and param.kind == _FLAT
            ):
                params += _flat(param.node)
            else:
                params.append(param)
        signature.params = tuple(params)
        self._settle(signature, docs)
        self._returns(signature, returns, docs)
        signature.description = (mark.description if mark else None) or docs.summary
        signature.warnings = tuple(self.warnings)
        signature.keep = self.build.keep
        if self.problems or (self.strict and self.warnings):
            problems = [*self.problems, *(self.warnings if self.strict else ())]
            raise DeclarationError(place_of(fn), problems)
        return signature

    def _raw(self) -> tuple[list[RawParameter], Any]:
        """The parameters in order, and the return annotation."""
        fn = self.fn
        marked = self.mark.scope if self.mark else None
        plain: Any = fn.__func__ if isinstance(fn, types.MethodType) else fn
        if plain.__class__ is types.FunctionType and not is_wrapped(plain):
            self.scope = scope_of_function(plain, marked)
            if fn is plain and is_unbound(plain):
                name = plain.__qualname__
                hint = f"pass the method of an object, obj.{plain.__name__}"
                self.problems.append(f"{name} is a method without its object: {hint}")
            return plain_parameters(plain, fn is not plain)
        self.scope = scope_of_odd(fn, marked)
        try:
            found = inspect_signature(fn)
        except (ValueError, TypeError) as error:
            hint = "wrap it in a function with annotated parameters"
            problem = f"Python does not know its parameters ({error}): {hint}"
            raise DeclarationError(place_of(fn), [problem]) from error
        raws = []
        for param in found.parameters.values():
            annotation = _ANY if param.annotation is param.empty else param.annotation
            default = ABSENT if param.default is param.empty else param.default
            raws.append(RawParameter(param.name, int(param.kind), annotation, default))
        returns = ABSENT if found.return_annotation is found.empty else found.return_annotation
        return raws, returns

    def _param(self, raw: RawParameter, docs: Docstring, signature: Signature) -> Parameter:
        build, default = self.build, raw.default
        known, refused = len(build.unresolved), len(build.refusals)
        build.default = default
        node: Node = _ANY
        kind, facts = raw.kind, None
        try:
            annotation = raw.annotation
            if annotation.__class__ is str:
                annotation = build.evaluate(annotation, self.scope)
            context = _context_of(annotation)
            if context is not None:
                return self._context(raw, context, signature)
            if kind == VAR_KEYWORD and _is_unpack(annotation):
                annotation, kind = annotation.__args__[0], _FLAT
            if annotation is not _ANY:
                node, facts = build.place(annotation, self.scope)
            elif raw.name in _CONTEXT_NAMES:
                self.warnings.append(
                    f"parameter {raw.name!r} has no annotation and accepts anything; "
                    f"if it is the Context, write {raw.name}: Context"
                )
        except Refused as why:
            self.problems.append(f"parameter {raw.name!r}: {why}")
        self._tell(raw.name, known, refused)
        if kind == _FLAT and not isinstance(node, RecordNode):
            kind = VAR_KEYWORD
        param = Parameter(raw.name, kind, node, default)
        param.description = docs.params.get(raw.name)
        if facts is not None:
            _annotated(param, facts)
        if default is not ABSENT and default.__class__.__module__ != "builtins":
            self._special_default(param)
        return param

    def _tell(self, name: str, known: int, refused: int) -> None:
        """Say what the builder could not resolve or express since it had found that much."""
        build = self.build
        for text in build.refusals[refused:]:
            if text not in build.refusals[:refused]:  # a class used twice is refused once
                self.problems.append(f"parameter {name!r}, {text}")
        for missing in build.unresolved[known:]:
            self.warnings.append(
                f"parameter {name!r}: the name {missing!r} is unknown at run time and stands for "
                "anything; import it outside TYPE_CHECKING"
            )

    def _special_default(self, param: Parameter) -> None:
        """``x: int = Field(...)``: its rules and its own default count."""
        info = field_default(param.default)
        if info is None:
            if type(param.default) is Param:
                hint = f"Annotated[..., Param(...)] and a plain default for {param.name!r}"
                self.problems.append(f"parameter {param.name!r}: Param is no default; write {hint}")
            return
        facts = Facts()
        read_metadata([info], facts)
        if facts.validated:
            hint = f"Annotated[..., Field(...)] and a plain default for {param.name!r}"
            self.problems.append(f"parameter {param.name!r}: Field sets what only works as {hint}")
        try:
            param.node = constrained(param.node, facts.rules)
        except Refused as why:
            self.problems.append(f"parameter {param.name!r}: {why}")
        _annotated(param, facts)
        param.default = ABSENT
        if info.default_factory is not None:
            param.factory = info.default_factory
        elif type(info.default).__name__ != "PydanticUndefinedType" and info.default is not ...:
            param.default = info.default
        param.required = param.default is ABSENT and param.factory is None

    def _context(self, raw: RawParameter, annotation: Any, signature: Signature) -> Parameter:
        if signature.context is not None:
            self.problems.append(
                f"parameter {raw.name!r}: {signature.context!r} is a Context already; keep one"
            )
        signature.context = raw.name
        signature.deps = _deps_of(annotation, raw.annotation, self.scope)
        param = Parameter(raw.name, raw.kind, _ANY, ABSENT)
        param.required = False
        return param

    def _settle(self, signature: Signature, docs: Docstring) -> None:
        """Checks over all parameters together."""
        names = {param.name for param in signature.params}
        if len(names) != len(signature.params):
            self.problems.append("a key of **kwargs has the name of another parameter; rename one")
        open_ended = any(param.kind == VAR_KEYWORD for param in signature.params)
        for name in docs.params:
            if name not in names and not open_ended and not _bound_away(self.fn, name):
                self.warnings.append(
                    f"the docstring describes {name!r}, which is no parameter; "
                    f"the parameters are {', '.join(sorted(names)) or 'none'}"
                )

    def _returns(self, signature: Signature, annotation: Any, docs: Docstring) -> None:
        """The node of the return type; one that cannot be expressed is left out."""
        signature.returns_text = docs.returns
        if annotation is ABSENT or signature.kind in ("generator", "async_generator"):
            return
        build = self.build
        counts = len(build.unresolved), len(build.refusals)
        build.default = ABSENT
        try:
            node, _ = build.place(annotation, self.scope)
        except (Refused, DeclarationError):
            return
        if counts == (len(build.unresolved), len(build.refusals)):
            signature.returns = node


def _annotated(param: Parameter, facts: Any) -> None:
    param.extra = {}
    settle_field(param, facts)
    param.extra = param.extra or None


def _context_of(annotation: Any) -> Any:
    """Context or Context[D] out of an annotation that is it, or it or None; None for others."""
    home = sys.modules.get("altar.later._context")  # loaded if anyone uses it
    if home is None:
        return None
    context = home.Context
    origin = getattr(annotation, "__origin__", None)
    if annotation is context or origin is context:
        return annotation
    if origin is not typing.Union and annotation.__class__ is not types.UnionType:
        return None
    others = [arg for arg in annotation.__args__ if arg is not types.NoneType]
    return _context_of(others[0]) if len(others) == 1 else None


def _deps_of(annotation: Any, raw: Any, scope: Scope) -> str | None:
    """The name of D in Context[D], or None where no dependencies will do."""
    wanted: Any = next(iter(getattr(annotation, "__args__", ())), None)
    try:
        if hasattr(wanted, "__forward_arg__"):
            raw, wanted = wanted.__forward_arg__, scope.lookup(wanted)
    except Exception:  # noqa: BLE001 - an annotation may raise anything; the body will tell
        return None
    if isinstance(wanted, Unresolved):  # a name for type checkers swallows "| None" beside it
        free = isinstance(raw, str) and any(word in raw for word in ("None", "Optional", "Any"))
        return None if free else wanted.name
    if wanted in (None, types.NoneType, object, Any) or hasattr(wanted, "__bound__"):
        return None
    if types.NoneType in getattr(wanted, "__args__", ()):
        return None
    return wanted.__name__ if isinstance(wanted, type) else spell(wanted)


def _is_unpack(annotation: Any) -> bool:
    origin = getattr(annotation, "__origin__", None)
    return (getattr(origin, "_name", None) or getattr(origin, "__name__", "")) == "Unpack"


def _flat(record: RecordNode) -> list[Parameter]:
    """The keys of ``**kwargs: Unpack[TypedDict]`` as keyword-only parameters."""
    params = []
    for field in record.fields:
        param = Parameter(field.name, KEYWORD_ONLY, field.node, ABSENT)
        param.required = field.required
        param.description = field.description
        param.extra = field.extra or None
        params.append(param)
    return params


def _bound_away(fn: Any, name: str) -> bool:
    """Whether a documented name is one that a partial or a method has bound already."""
    if isinstance(fn, (functools.partial, types.MethodType, type)) or hasattr(fn, "__wrapped__"):
        return True
    return name in ("self", "cls")
