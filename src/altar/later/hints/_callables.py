"""What any callable says of itself: parameters, docstring, kind and place."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from typing import TYPE_CHECKING, Any, Final

from altar.later.docstring._parse import Docstring, parse
from altar.later.hints._families import BASIC, spell
from altar.later.hints._nodes_record import ABSENT
from altar.later.hints._records import class_doc
from altar.later.hints._resolve import annotations_of, module_of, scope_of_function

if TYPE_CHECKING:
    from altar.later.hints._resolve import Scope

__all__ = [
    "KEYWORD_ONLY",
    "POSITIONAL",
    "POSITIONAL_ONLY",
    "VAR_KEYWORD",
    "VAR_POSITIONAL",
    "RawParameter",
    "doc_of",
    "inspect_signature",
    "is_unbound",
    "is_wrapped",
    "kind_of",
    "place_of",
    "plain_parameters",
    "scope_of_odd",
]

POSITIONAL_ONLY: Final = 0
POSITIONAL: Final = 1
VAR_POSITIONAL: Final = 2
KEYWORD_ONLY: Final = 3
VAR_KEYWORD: Final = 4

_ANY: Final = BASIC[object]
_VARARGS, _VARKEYWORDS = 0x04, 0x08  # inspect.CO_VARARGS, CO_VARKEYWORDS
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x180, 0x200  # coroutines, iterable ones too


class RawParameter:
    """A parameter as Python has it: name, kind, annotation, default."""

    __slots__ = ("annotation", "default", "kind", "name")

    def __init__(self, name: str, kind: int, annotation: Any, default: Any) -> None:
        self.name = name
        self.kind = kind
        self.annotation = annotation
        self.default = default


def plain_parameters(fn: Any, bound: bool) -> tuple[list[RawParameter], Any]:
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
        raws.append(RawParameter(names[at], kind, get(names[at], _ANY), default))
    after = count + keyword_only
    if code.co_flags & _VARARGS:
        raws.append(RawParameter(names[after], VAR_POSITIONAL, get(names[after], _ANY), ABSENT))
        after += 1
    if keyword_only:
        defaults = fn.__kwdefaults__ or {}
        for name in names[count : count + keyword_only]:
            default = defaults.get(name, ABSENT)
            raws.append(RawParameter(name, KEYWORD_ONLY, get(name, _ANY), default))
    if code.co_flags & _VARKEYWORDS:
        raws.append(RawParameter(names[after], VAR_KEYWORD, get(names[after], _ANY), ABSENT))
    return raws, get("return", ABSENT)


def is_unbound(fn: Any) -> bool:
    """Whether this is a method taken from its class: C.m instead of C().m."""
    code = fn.__code__
    if not code.co_argcount or code.co_varnames[0] != "self" or fn.__annotations__.get("self"):
        return False
    owner = fn.__qualname__.rpartition(".")[0]
    return bool(owner) and not owner.endswith("<locals>")


def is_wrapped(fn: Any) -> bool:
    attributes = fn.__dict__
    return bool(attributes) and ("__wrapped__" in attributes or "__signature__" in attributes)


if sys.version_info >= (3, 14):
    import annotationlib

    def inspect_signature(fn: Any) -> inspect.Signature:
        return inspect.signature(fn, annotation_format=annotationlib.Format.FORWARDREF)
else:

    def inspect_signature(fn: Any) -> inspect.Signature:
        return inspect.signature(fn)


def innermost(fn: Any) -> Any:
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


def scope_of_odd(fn: Any, marked: dict[str, Any] | None) -> Scope:
    inner = innermost(fn)
    scope = scope_of_function(inner, marked)
    if isinstance(fn, type):
        scope.names.setdefault(fn.__name__, fn)
        scope.owner = fn
        if "__globals__" not in dir(inner) or inner.__module__ != fn.__module__:
            scope.module = module_of(fn)  # a dataclass's __init__ has globals of its own
    return scope


def doc_of(fn: Any) -> Docstring:
    """The docstring of what runs: a function, an object's __call__, a class and its init."""
    if isinstance(fn, functools.partial):
        return doc_of(fn.func)
    doc = getattr(fn, "__doc__", None)
    if isinstance(fn, type):
        return _doc_of_class(fn)
    plain = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)
    if not isinstance(fn, plain) and doc == type(fn).__doc__:
        call = parse(getattr(type(fn).__call__, "__doc__", None))
        whole = parse(doc if isinstance(doc, str) else None)
        call.summary = call.summary or whole.summary
        call.params = {**whole.params, **call.params}
        return call
    return parse(doc if isinstance(doc, str) else None)


def _doc_of_class(cls: type) -> Docstring:
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


def kind_of(fn: Any) -> str:
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


def place_of(fn: Any) -> str:
    """A function's name and where it stands, for messages to its author."""
    inner = innermost(fn)
    code = getattr(inner, "__code__", None)
    module = getattr(inner, "__module__", None) or "?"
    name = getattr(fn, "__qualname__", None) or spell(type(fn))
    line = f", line {code.co_firstlineno}" if code is not None else ""
    return f"{name} (module {module}{line})"
