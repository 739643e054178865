"""Mark: that a callable is a tool, under which name, and how it is to be run.

Everything here runs while user modules are imported, so it inspects nothing
and imports nothing heavy: a mark is a small record, and the signature is read
when a session, a declaration or a check first asks for it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

    from altar.adm import FunctionDeclaration
    from altar.runtime import Policy

__all__ = [
    "APPROVAL_FIELD",
    "EXECUTION_FIELD",
    "MARK_ATTRIBUTE",
    "SAID_FIELDS",
    "Mark",
    "ToolOptions",
    "default_name",
    "fields_said",
    "has_policies",
    "mark_for",
    "mark_of",
    "misuse",
]

APPROVAL_FIELD = "x_requires_approval"  # of a declaration, for those who show or host the tool
EXECUTION_FIELD = "x_execution_mode"  # of a declaration, for the runtime that places its calls
# fields of a declaration; all but the first are hints for people and hosts, and permit nothing
SAID_FIELDS = {
    "approval": APPROVAL_FIELD,
    "read_only": "x_read_only",
    "destructive": "x_destructive",
    "idempotent": "x_idempotent",
}
MARK_ATTRIBUTE = "__altar_tool__"
_MAX_NAME = 64  # ADM 1.0


class ToolOptions:
    """How a tool is to be run: seconds it may take, and what the runtime may assume."""

    __slots__ = (
        "approval",
        "destructive",
        "execution",
        "expose_errors",
        "idempotent",
        "inline",
        "isolate",
        "memory_mb",
        "policy",
        "read_only",
        "strict",
        "timeout",
    )

    def __init__(  # noqa: PLR0913 - one parameter per option
        self,
        *,
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
        execution: str | None = None,
    ) -> None:
        if timeout is not None and not (timeout.__class__ in (int, float) and timeout > 0):
            misuse(f"timeout={timeout!r}: give seconds above zero, or None for no limit")
        for option, value in (
            ("idempotent", idempotent),
            ("inline", inline),
            ("strict", strict),
            ("expose_errors", expose_errors),
            ("approval", approval),
            ("isolate", isolate),
            ("read_only", read_only),
            ("destructive", destructive),
        ):
            if value.__class__ is not bool:
                misuse(f"{option}={value!r}: give True or False")
        if memory_mb is not None and not (memory_mb.__class__ is int and memory_mb > 0):
            misuse(f"memory_mb={memory_mb!r}: give whole megabytes above zero, or leave it out")
        if memory_mb is not None and not isolate:
            misuse("memory_mb holds for a worker process: type @tool(isolate=True, memory_mb=...)")
        if read_only and destructive:
            misuse("read_only and destructive contradict each other: leave one out")
        if policy is not None:
            _check_policy(policy, timeout)
        if execution is not None:
            _check_execution(execution)
        self.destructive, self.read_only = destructive, read_only
        self.isolate, self.memory_mb = isolate, memory_mb
        self.execution = execution
        self.policy = policy
        self.timeout = timeout
        self.idempotent = idempotent
        self.inline = inline
        self.strict = strict
        self.expose_errors = expose_errors
        self.approval = approval

    def __repr__(self) -> str:
        fields = ", ".join(f"{slot}={getattr(self, slot)!r}" for slot in ToolOptions.__slots__)
        return f"ToolOptions({fields})"


class Mark:
    """That a callable is a tool: the callable, its name, and what the decorator was told.

    ``scope`` holds the objects that string annotations of a local function
    name, or None. ``declaration`` is filled in when the tool is first declared,
    ``prepared`` (the executor's own) when it is first called. ``home`` is the
    mark this one was made of, or what policies keep of the tool (see _kept), or None.
    """

    __slots__ = (
        "declaration",
        "description",
        "home",
        "name",
        "options",
        "prepared",
        "scope",
        "target",
    )

    target: Callable[..., Any]
    name: str
    description: str | None
    options: ToolOptions | None
    scope: dict[str, Any] | None
    declaration: FunctionDeclaration | None
    prepared: Any
    home: Any

    def __init__(
        self,
        target: Callable[..., Any],
        name: str,
        description: str | None = None,
        options: ToolOptions | None = None,
    ) -> None:
        self.target = target
        self.name = name
        self.description = description
        self.options = options
        self.scope = None
        self.declaration = None
        self.prepared = None
        self.home = None

    def __repr__(self) -> str:
        return f"Mark({self.name!r}, {self.target!r})"


def mark_of(fn: object) -> Mark | None:
    """The mark of this very object, or of the function behind a bound method.

    functools.wraps and subclassing copy attributes; a mark copied that way
    does not count, so that no wrapper's checks are ever walked past.
    """
    mark: Any = getattr(fn, MARK_ATTRIBUTE, None)
    if mark.__class__ is not Mark:
        return None
    if mark.target is fn:
        return mark
    if mark.target is getattr(fn, "__func__", None):
        return mark
    return None


def mark_for(
    fn: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    options: ToolOptions | None = None,
) -> Mark:
    """A new mark for any callable, which itself is not touched.

    What is not given comes from the callable's own mark, if it has one.
    Raises DeclarationError for a name that no tool can have.
    """
    own = getattr(fn, MARK_ATTRIBUTE, None)
    if own is not None:
        own = mark_of(fn)
    if own is not None:
        name = own.name if name is None else name
        description = own.description if description is None else description
        options = own.options if options is None else options
    elif name is None:
        name = default_name(fn)
    if not _is_legal(name):
        _bad_name(fn, name)
    mark = Mark(fn, name, description, options)
    if own is not None:
        mark.scope = own.scope
        if options is own.options:
            mark.home = own
    return mark


def fields_said(options: ToolOptions | None) -> dict[str, Any]:
    """The fields with which a declaration says what its tool's options are."""
    if options is None:
        return {}
    said: dict[str, Any] = {
        field: True for slot, field in SAID_FIELDS.items() if getattr(options, slot)
    }
    if options.execution is not None:
        said[EXECUTION_FIELD] = options.execution
    return said


def has_policies(marks: Iterable[Mark]) -> bool:
    """True when one of them brings a policy."""
    for mark in marks:  # a loop: each session asks, and a generator costs more than most answers
        options = mark.options
        if options is not None and options.policy is not None:
            return True
    return False


def default_name(fn: object) -> str:
    """The name a callable has without being given one: its own, made legal, or its class's."""
    name = getattr(fn, "__name__", None)
    if name is None:  # functools.partial, callable objects
        inner = getattr(fn, "func", None)
        return default_name(inner) if callable(inner) else type(fn).__name__
    return "lambda_" if name == "<lambda>" else str(name)


def _is_legal(name: Any) -> bool:
    if name.__class__ is not str or not name.isascii() or len(name) > _MAX_NAME:
        return False
    return name.isidentifier() or (
        "-" in name and name[0] != "-" and name.replace("-", "_").isidentifier()
    )


def _bad_name(fn: object, name: object) -> NoReturn:
    misuse(
        f"the name {name!r} of {fn!r} is not allowed: a tool name starts with an ASCII letter "
        f"or _, goes on with letters, digits, _ and -, and has at most {_MAX_NAME} characters; "
        "give one with @tool(name=...)"
    )


def _check_policy(policy: Any, timeout: float | None) -> None:
    loaded = sys.modules.get("altar.runtime._policy")  # nobody has a Policy without it
    if loaded is None or not isinstance(policy, loaded.Policy):
        misuse(
            f"policy={policy!r:.100}: give an altar.runtime.Policy; "
            "type @tool(policy=Policy(retry=3))"
        )
    if timeout is not None and policy.timeout is not None:
        misuse(
            f"timeout={timeout!r} and policy=Policy(timeout={policy.timeout!r}) say the same "
            "thing: leave one out"
        )


def _check_execution(execution: Any) -> None:
    from altar.config import EXECUTION_MODES  # noqa: PLC0415 - config loads more than a mark does

    if execution not in EXECUTION_MODES:
        misuse(f"execution={execution!r:.60}: give one of {', '.join(EXECUTION_MODES)}")


def misuse(message: str) -> NoReturn:
    """Raise DeclarationError for a decorator used wrongly."""
    from altar.errors import DeclarationError  # noqa: PLC0415 - errors loads enum; only on failure

    raise DeclarationError("@tool", [message])
