"""``@tool``: the decorator that turns a typed function into a tool and hands it back."""

from __future__ import annotations

import sys

from altar.later._mark import MARK_ATTRIBUTE, Mark, ToolOptions, mark_for, misuse
from altar.later._registry import Registry, registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, NoReturn, TypeVar, overload

    from altar.runtime import Policy

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["tool"]

_CO_OPTIMIZED = 0x1  # a function's frame, not a class body's (inspect.CO_OPTIMIZED)
_CO_FUTURE_ANNOTATIONS = 0x1000000  # __future__.annotations.compiler_flag
_FUNCTION = type(lambda: None)
_METHOD = type(Registry().register)
_BUILTIN = type(len)
_MAX_NAME = 64  # ADM 1.0
_LAZY_ANNOTATIONS = sys.version_info >= (3, 14)


if TYPE_CHECKING:

    @overload
    def tool(fn: F, /) -> F: ...
    @overload
    def tool(
        *,
        name: str | None = None,
        description: str | None = None,
        timeout: float | None = None,
        idempotent: bool = False,
        inline: bool = False,
        strict: bool = False,
        expose_errors: bool = False,
        approval: bool = False,
        isolate: bool = False,
        memory_mb: int | None = None,
        policy: Policy | None = None,
        read_only: bool = False,
        destructive: bool = False,
        execution: Literal["remote", "local_first", "local_only", "governed_local"] | None = None,
    ) -> Callable[[F], F]: ...


def tool(  # type: ignore[no-untyped-def]  # noqa: PLR0913 - typed by the overloads above
    fn=None,
    /,
    *,
    name=None,
    description=None,
    timeout=None,
    idempotent=False,
    inline=False,
    strict=False,
    expose_errors=False,
    approval=False,
    isolate=False,
    memory_mb=None,
    policy=None,
    read_only=False,
    destructive=False,
    execution=None,
):
    """Mark a function as a tool and hand the same function back.

    ``name`` and ``description`` replace the function's own name and the text
    of its docstring. ``timeout`` is in seconds (None: no limit);
    ``idempotent`` says that running a call twice does no harm, so that it may
    be retried; ``inline`` keeps an async caller from moving a quick sync tool
    to a thread; ``strict`` refuses arguments that would need coercion, and
    turns declaration warnings into errors; ``expose_errors`` lets the text of
    any exception reach the model; ``approval`` says that each call waits for a
    person's yes; ``isolate`` runs it in a worker process, which ``memory_mb``
    megabytes must be enough for; ``policy`` says how often, how many at a time
    and for how long it is tried: ``altar.runtime.Policy(retry=2)``. ``read_only``
    says that a call changes nothing, ``destructive`` that it may destroy
    something: hints for whoever shows or hosts the tool. ``execution`` is where
    its calls run in mode grid: "remote", "local_first", "local_only" or
    "governed_local"; without it session, client and settings say so.

    Module-level functions are noted in ``altar.registry``; methods and
    functions local to another function are only marked, and reach a session
    by reference or with their object.

    Raises DeclarationError for what cannot be marked or a bad option, and
    RegistryError when the name belongs to another definition.
    """
    if fn is not None:
        if fn.__class__ is _FUNCTION and name is None and _mark_plainly(fn):
            return fn
        if name is not None or not callable(getattr(fn, "__func__", fn)):
            misuse(f"tool({fn!r}): write @tool, or @tool(name=..., description=...)")
        return _mark(fn, None, None, None)
    options = None
    told = (idempotent, inline, strict, expose_errors, approval, isolate, read_only, destructive)
    if any(told) or not timeout is memory_mb is policy is execution is None:
        options = ToolOptions(
            timeout=timeout,
            idempotent=idempotent,
            inline=inline,
            strict=strict,
            expose_errors=expose_errors,
            approval=approval,
            isolate=isolate,
            memory_mb=memory_mb,
            policy=policy,
            read_only=read_only,
            destructive=destructive,
            execution=execution,
        )
    if description is not None and not (isinstance(description, str) and description.strip()):
        misuse(f"description={description!r}: give a text that is not blank, or leave it out")

    def decorate(target):  # type: ignore[no-untyped-def]
        return _mark(target, name, description, options)

    return decorate


def _mark_plainly(fn: Any) -> bool:
    """Mark a module-level function nobody has marked: the usual case in half the time."""
    name = fn.__name__
    attributes = fn.__dict__
    if (
        fn.__qualname__ != name
        or MARK_ATTRIBUTE in attributes
        or not (name.isidentifier() and name.isascii() and len(name) <= _MAX_NAME)
    ):
        return False
    mark = Mark(fn, name)
    registry.note(mark)
    attributes[MARK_ATTRIBUTE] = mark
    return True


def _mark(fn: Any, name: str | None, description: str | None, options: ToolOptions | None) -> Any:
    cls = fn.__class__
    if cls is staticmethod or cls is classmethod:
        target = fn.__func__
    else:
        target = fn
        if cls is _METHOD or cls is _BUILTIN:
            _cannot_mark(fn)
    mark = mark_for(target, name=name, description=description, options=options)
    is_local = "." in getattr(target, "__qualname__", "")
    if is_local:
        mark.scope = _scope_of(target)
    else:
        registry.note(mark)
    try:
        setattr(target, MARK_ATTRIBUTE, mark)
    except (AttributeError, TypeError):
        if not is_local:
            registry.remove(mark.name)
        _cannot_mark(fn)
    return fn


def _scope_of(fn: Any) -> dict[str, Any] | None:
    """What the enclosing frames say about the names in a local function's string annotations.

    Only the objects named are kept, by name, for as long as the function
    lives: exactly what annotations that are not strings would keep alive.
    """
    words = _annotation_words(fn)
    if not words:
        return None
    scope: dict[str, Any] = {}
    frame: Any = sys._getframe(3)  # noqa: SLF001 - tool's caller: _scope_of, _mark, tool or decorate
    while frame is not None and frame.f_locals is not frame.f_globals:
        names = frame.f_locals
        for word in words:
            if word in names and word not in scope:
                scope[word] = names[word]
        if frame.f_code.co_flags & _CO_OPTIMIZED:
            break
        frame = frame.f_back  # a class body: the function around it may know the rest
    return scope or None


def _annotation_words(fn: Any) -> set[str]:
    code = getattr(fn, "__code__", None)
    words: set[str] = set()
    if code is None:
        return words
    if _LAZY_ANNOTATIONS and not code.co_flags & _CO_FUTURE_ANNOTATIONS:
        return words  # from Python 3.14 annotations know their own scope
    for text in fn.__annotations__.values():
        if text.__class__ is str:
            spaced = "".join(c if c.isalnum() or c == "_" else " " for c in text)
            words.update(spaced.split())
    return words


def _cannot_mark(fn: object) -> NoReturn:
    misuse(
        f"{fn!r} cannot carry a mark: hand it over as it is, "
        "Session(tools=[...]) or Session(tools={'name': ...})"
    )
