"""Signature: a callable's parameters as nodes, with everything said about them."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from typing import TYPE_CHECKING, Any, Final

from altar.errors import DeclarationError
from altar.later._build import Builder, settle_field
from altar.later._docstring import Docstring, parse
from altar.later._families import BASIC, Refused, spell
from altar.later._mark import default_name
from altar.later._metadata import Facts, field_default, read_metadata
from altar.later._nodes_record import ABSENT, RecordNode
from altar.later._nodes_rules import constrain
from altar.later._param import Param
from altar.later._records import class_doc
from altar.later._resolve import annotations_of, module_of, scope_of_function

if TYPE_CHECKING:
    from altar.later._mark import Mark
    from altar.later._nodes import Node
    from altar.later._resolve import Scope

__all__ = ["Parameter", "Signature", "read_signature"]

POSITIONAL_ONLY: Final = 0
POSITIONAL: Final = 1
VAR_POSITIONAL: Final = 2
KEYWORD_ONLY: Final = 3
VAR_KEYWORD: Final = 4

_ANY: Final = BASIC[object]
_VARARGS, _VARKEYWORDS = 0x04, 0x08  # inspect.CO_VARARGS, CO_VARKEYWORDS
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x180, 0x200  # coroutines, iterable ones too


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
    names the injected Context parameter, or is None; ``returns`` is the node
    of the return annotation, or None; ``warnings`` are sentences. ``params``
    holds the Context parameter too, with ``node`` None.
    """

    __slots__ = (
        "context",
        "description",
        "keep",
        "kind",
        "name",
        "params",
        "returns",
        "returns_text",
        "target",
        "warnings",
    )

    def __init__(self, target: Any, name: str) -> None:
        self.target = target
        self.name = name
        self.description = ""
        self.params: tuple[Parameter, ...] = ()
        self.kind = "sync"
        self.context: str | None = None
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


class _Raw:
    """A parameter as Python has it: name, kind, annotation, default."""

    __slots__ = ("annotation", "default", "kind", "name")

    def __init__(self, name: str, kind: int, annotation: Any, default: Any) -> None:
        self.name = name
        self.kind = kind
        self.annotation = annotation
        self.default = default


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
        signature.kind = _kind_of(fn)
        raws, returns = self._raw()
        docs = _doc_of(fn)
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
            if raw.kind == VAR_KEYWORD and isinstance(param.node, RecordNode) and param.kind < 0:
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
            raise DeclarationError(_where(fn), problems)
        return signature

    def _raw(self) -> tuple[list[_Raw], Any]:
        """The parameters in order, and the return annotation."""
        fn = self.fn
        marked = self.mark.scope if self.mark else None
        plain = fn.__func__ if fn.__class__ is types.MethodType else fn
        if plain.__class__ is types.FunctionType and not _is_wrapped(plain):
            self.scope = scope_of_function(plain, marked)
            if fn is plain and _is_unbound(plain):
                name = plain.__qualname__
                hint = f"pass the method of an object, obj.{plain.__name__}"
                self.problems.append(f"{name} is a method without its object: {hint}")
            return _plain_parameters(plain, fn is not plain)
        self.scope = _odd_scope(fn, marked)
        try:
            found = _inspect_signature(fn)
        except (ValueError, TypeError) as error:
            hint = "wrap it in a function with annotated parameters"
            problem = f"Python does not know its parameters ({error}): {hint}"
            raise DeclarationError(_where(fn), [problem]) from error
        raws = []
        for param in found.parameters.values():
            annotation = _ANY if param.annotation is param.empty else param.annotation
            default = ABSENT if param.default is param.empty else param.default
            raws.append(_Raw(param.name, int(param.kind), annotation, default))
        returns = ABSENT if found.return_annotation is found.empty else found.return_annotation
        return raws, returns

    def _param(self, raw: _Raw, docs: Docstring, signature: Signature) -> Parameter:
        build = self.build
        annotation, default, facts = raw.annotation, raw.default, None
        before = len(build.unresolved)
        refused = len(build.refusals)
        node: Node = _ANY
        kind = raw.kind
        build.default = default
        try:
            if annotation.__class__ is str:
                annotation = build.evaluate(annotation, self.scope)
            if _is_context(annotation):
                return self._context(raw, signature)
            if annotation is not _ANY:
                if kind == VAR_KEYWORD and _is_unpack(annotation):
                    annotation, kind = annotation.__args__[0], -1
                node, facts = build.place(annotation, self.scope)
        except Refused as why:
            self.problems.append(f"parameter {raw.name!r}: {why}")
        for text in build.refusals[refused:]:
            if text not in build.refusals[:refused]:  # a class used twice is refused once
                self.problems.append(f"parameter {raw.name!r}, {text}")
        for name in build.unresolved[before:]:
            self.warnings.append(
                f"parameter {raw.name!r}: the name {name!r} is unknown at run time and stands for "
                "anything; import it outside TYPE_CHECKING"
            )
        if kind == -1 and not isinstance(node, RecordNode):
            kind = VAR_KEYWORD
        param = Parameter(raw.name, kind, node, default)
        param.description = docs.params.get(raw.name)
        if facts is not None:
            _annotated(param, facts)
        if default is not ABSENT and default.__class__.__module__ != "builtins":
            self._special_default(param)
        return param

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
        param.node = constrain(param.node, facts.rules)
        _annotated(param, facts)
        param.default = ABSENT
        if info.default_factory is not None:
            param.factory = info.default_factory
        elif type(info.default).__name__ != "PydanticUndefinedType" and info.default is not ...:
            param.default = info.default
        param.required = param.default is ABSENT and param.factory is None

    def _context(self, raw: _Raw, signature: Signature) -> Parameter:
        if signature.context is not None:
            self.problems.append(
                f"parameter {raw.name!r}: {signature.context!r} is a Context already; keep one"
            )
        signature.context = raw.name
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


def _plain_parameters(fn: Any, bound: bool) -> tuple[list[_Raw], Any]:
    """The parameters of a Python function, from its code object."""
    code = fn.__code__
    annotations = annotations_of(fn)
    names = code.co_varnames
    count, keyword_only = code.co_argcount, code.co_kwonlyargcount
    positional_only = code.co_posonlyargcount
    defaults = fn.__defaults__ or ()
    first = count - len(defaults)
    get = annotations.get
    raws = []
    for at in range(1 if bound else 0, count):
        default = defaults[at - first] if at >= first else ABSENT
        kind = POSITIONAL_ONLY if at < positional_only else POSITIONAL
        raws.append(_Raw(names[at], kind, get(names[at], _ANY), default))
    after = count + keyword_only
    if code.co_flags & _VARARGS:
        raws.append(_Raw(names[after], VAR_POSITIONAL, get(names[after], _ANY), ABSENT))
        after += 1
    if keyword_only:
        defaults = fn.__kwdefaults__ or {}
        for name in names[count : count + keyword_only]:
            default = defaults.get(name, ABSENT)
            raws.append(_Raw(name, KEYWORD_ONLY, get(name, _ANY), default))
    if code.co_flags & _VARKEYWORDS:
        raws.append(_Raw(names[after], VAR_KEYWORD, get(names[after], _ANY), ABSENT))
    return raws, get("return", ABSENT)


def _annotated(param: Parameter, facts: Any) -> None:
    param.extra = {}
    settle_field(param, facts)
    param.extra = param.extra or None


def _is_unbound(fn: Any) -> bool:
    """Whether this is a method taken from its class: C.m instead of C().m."""
    code = fn.__code__
    if not code.co_argcount or code.co_varnames[0] != "self" or fn.__annotations__.get("self"):
        return False
    owner = fn.__qualname__.rpartition(".")[0]
    return bool(owner) and not owner.endswith("<locals>")


def _is_wrapped(fn: Any) -> bool:
    attributes = fn.__dict__
    return bool(attributes) and ("__wrapped__" in attributes or "__signature__" in attributes)


if sys.version_info >= (3, 14):
    import annotationlib

    def _inspect_signature(fn: Any) -> inspect.Signature:
        return inspect.signature(fn, annotation_format=annotationlib.Format.FORWARDREF)
else:

    def _inspect_signature(fn: Any) -> inspect.Signature:
        return inspect.signature(fn)


def _innermost(fn: Any) -> Any:
    """The function whose annotations a callable's signature shows."""
    for _ in range(100):
        if isinstance(fn, functools.partial):
            fn = fn.func
        elif isinstance(fn, types.MethodType):
            fn = fn.__func__
        elif hasattr(fn, "__wrapped__"):
            fn = fn.__wrapped__
        elif isinstance(fn, type):
            init = fn.__dict__.get("__init__") or getattr(fn, "__init__", None)
            return init if isinstance(init, types.FunctionType) else fn
        elif isinstance(fn, (types.FunctionType, types.BuiltinFunctionType)):
            return fn
        else:
            call = inspect.getattr_static(type(fn), "__call__", None)
            if not isinstance(call, types.FunctionType):
                return fn
            fn = call
    return fn


def _odd_scope(fn: Any, marked: dict[str, Any] | None) -> Scope:
    inner = _innermost(fn)
    scope = scope_of_function(inner, marked)
    if isinstance(fn, type):
        scope.names.setdefault(fn.__name__, fn)
        scope.owner = fn
        if "__globals__" not in dir(inner) or inner.__module__ != fn.__module__:
            scope.module = module_of(fn)  # a dataclass's __init__ has globals of its own
    return scope


def _doc_of(fn: Any) -> Docstring:
    """The docstring of what runs: a function, an object's __call__, a class and its init."""
    if isinstance(fn, functools.partial):
        return _doc_of(fn.func)
    doc = getattr(fn, "__doc__", None)
    if isinstance(fn, type):
        return _class_doc(fn)
    plain = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)
    if not isinstance(fn, plain) and doc == type(fn).__doc__:
        call = parse(getattr(type(fn).__call__, "__doc__", None))
        whole = parse(doc if isinstance(doc, str) else None)
        call.summary = call.summary or whole.summary
        call.params = {**whole.params, **call.params}
        return call
    return parse(doc if isinstance(doc, str) else None)


def _class_doc(cls: type) -> Docstring:
    found = class_doc(cls)
    found.params = {**found.attributes, **found.params}
    init = cls.__dict__.get("__init__")
    if isinstance(init, types.FunctionType) and init.__doc__:
        own = parse(init.__doc__)
        found.params |= own.params
        found.summary = found.summary or own.summary
    found.attributes = {}
    found.returns = None
    return found


def _kind_of(fn: Any) -> str:
    while isinstance(fn, functools.partial):
        fn = fn.func
    if isinstance(fn, types.MethodType):
        fn = fn.__func__
    code = getattr(fn, "__code__", None)
    if code is None:
        call = inspect.getattr_static(type(fn), "__call__", None)
        code = None if isinstance(fn, type) else getattr(call, "__code__", None)
    flags = getattr(code, "co_flags", 0)
    if flags & _ASYNC_GENERATOR:
        return "async_generator"
    if flags & _COROUTINE or inspect.iscoroutinefunction(fn):
        return "async"
    return "generator" if flags & _GENERATOR else "sync"


def _is_context(annotation: Any) -> bool:
    """Whether an annotation is Context or Context[D]; its module is loaded if anyone uses it."""
    home = sys.modules.get("altar.later._context")
    if home is None:
        return False
    context = home.Context
    return annotation is context or getattr(annotation, "__origin__", None) is context


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


def _where(fn: Any) -> str:
    """A function's name and where it stands, for messages to its author."""
    inner = _innermost(fn)
    code = getattr(inner, "__code__", None)
    module = getattr(inner, "__module__", None) or "?"
    name = getattr(fn, "__qualname__", None) or spell(type(fn))
    line = f", line {code.co_firstlineno}" if code is not None else ""
    return f"{name} (module {module}{line})"
