"""Assembly: the wrappers that stand before each tool of a session, by the policies in force."""

from __future__ import annotations

from _thread import allocate_lock
from typing import TYPE_CHECKING, Any

from altar.config import settings
from altar.errors import ConfigurationError
from altar.later._answering import Answering
from altar.later._entry import DEFAULTS, entry_of
from altar.later._kept import kept_of
from altar.later._mark import has_policies
from altar.runtime import Policy, Runtime
from altar.runtime._inside import inside, stays_local
from altar.runtime._stack import Parts, stacked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.adm import FunctionCall, FunctionDeclaration, ToolResult
    from altar.later._executor import LocalRuntime
    from altar.later._limits import SessionLimits
    from altar.later._mark import Mark, ToolOptions
    from altar.later._toolset import Toolset
    from altar.runtime import CallContext

__all__ = ["Assembly"]

_SHOWN = 5  # names in a line of a printed runtime


class Assembly:
    """A Runtime that carries out each call as the policies of its tool say.

    ``outer`` is what the session's calls go to: the runtime itself where no
    policy is in force, so that nothing is paid for none. A stack is built when
    its tool is first called and found by one look-up from then on; a name that
    is no tool's gets none.
    """

    __slots__ = (
        "_caches",
        "_given",
        "_inner",
        "_local",
        "_lock",
        "_parts",
        "_process",
        "_session",
        "_stacks",
        "_toolset",
        "outer",
    )

    def __init__(self, toolset: Toolset, local: LocalRuntime, runtime: Any) -> None:
        self._toolset = toolset
        self._local = local
        self._inner: Runtime = local
        self._lock = allocate_lock()
        # by tool name; the local runtime lays no fast lane for a tool that has another than itself
        self._stacks: dict[str, Runtime] = {}
        self._parts: dict[str, Parts] = {}  # what the session's own policy keeps
        self._caches: dict[str, Parts] = {}  # answers under a tool's policy that are not for all
        self._process = settings().policy
        self._given = runtime is not None
        self._session: Policy | None = None
        if isinstance(runtime, Policy):
            self._session, runtime = runtime, None
        if runtime is None:
            mode = settings().mode
            if mode != "local":
                self._inner = _by_mode(mode, local)
            self.outer: Runtime = self._inner
        elif callable(runtime) and (isinstance(runtime, type) or not isinstance(runtime, Runtime)):
            local.stacks = self._stacks
            self.outer = _checked(_made(runtime, self))
            return
        else:
            self._inner = self.outer = _checked(runtime)
        if self._session or self._process or toolset.has_policies():
            self._stand_before()

    @property
    def honours_deadline(self) -> bool:
        """Whether a call returns when its deadline has passed: what the inner runtime does."""
        return getattr(self._inner, "honours_deadline", False) is True

    @property
    def lanes_hold(self) -> bool:
        """Whether a call may take a fast lane of the local runtime."""
        return self.outer is self._local or (self.outer is self and self._inner is self._local)

    @property
    def answering(self) -> Runtime:
        """What the session sends its calls to: ``outer``, which answers whatever befalls it."""
        return self.outer if self.lanes_hold else Answering(self.outer)

    # what a runtime that was made of this one asks about the tools behind it

    @property
    def strict(self) -> bool:
        """As of :class:`LocalRuntime`."""
        return self._local.strict

    @property
    def limits(self) -> SessionLimits:
        """As of :class:`LocalRuntime`."""
        return self._local.limits

    @property
    def is_governed(self) -> bool:
        """Whether policies stand before the tools."""
        return bool(self._session or self._process or self._toolset.has_policies())

    def declaration(self, name: str) -> FunctionDeclaration | None:
        """As of :class:`LocalRuntime`."""
        return self._local.declaration(name)

    def options(self, name: str) -> ToolOptions | None:
        """As of :class:`LocalRuntime`."""
        return self._local.options(name)

    def refusal(self, call: FunctionCall) -> ToolResult | None:
        """As of :class:`LocalRuntime`."""
        return self._local.refusal(call)

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call and wait for its result (the Runtime protocol)."""
        stack = self._stacks.get(call.name)
        return (self._found(call.name) if stack is None else stack).invoke(call, ctx)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop (the Runtime protocol)."""
        stack = self._stacks.get(call.name)
        return await (self._found(call.name) if stack is None else stack).ainvoke(call, ctx)

    def add(self, marks: list[Mark]) -> Runtime:
        """Make ready for these tools, before the toolset shows them; returns ``answering``."""
        if self.outer is self._inner and has_policies(marks):
            self._stand_before()
        return self.answering

    def remove(self, names: Iterable[str]) -> None:
        """Remove tools from the toolset, with their stacks: what comes later under a name is new.

        Under the lock, so that no call builds the old tool's stack meanwhile.
        """
        gone = tuple(names)
        with self._lock:
            self._toolset.remove(gone)
            for name in gone:
                self._stacks.pop(name, None)
                self._parts.pop(name, None)
                self._caches.pop(name, None)
            self._local.forget(gone)

    def __repr__(self) -> str:
        return "; ".join(self._lines())

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def must_be_plain(self) -> None:
        """Refuse to hand the tools to another session where that would drop the runtime."""
        if self._given:
            raise ConfigurationError(
                "tools= got a session with a runtime of its own, which its tools would lose: type "
                "session=session (altar.generate, Agent.chat), or give the new session the tools "
                "and the same runtime="
            )

    def _stand_before(self) -> None:
        self._local.stacks = self._stacks
        self.outer = self

    def _found(self, name: str) -> Runtime:
        with self._lock:
            mark = self._toolset.marks.get(name)
            if mark is None:
                return self._inner  # which refuses it
            stack = self._stacks.get(name)
            if stack is None:
                stack = self._stacks[name] = self._stack(mark)
            return stack

    def _stack(self, mark: Mark) -> Runtime:
        """The wrappers of one tool: field by field, the nearest level that says something."""
        options = mark.options or DEFAULTS
        levels: list[tuple[Policy, Any]] = []
        if options.policy is not None:
            levels.append((options.policy, kept_of(mark).own(options.policy)))
        if self._session is not None:
            parts = self._parts.get(mark.name)
            if parts is None:
                parts = self._parts[mark.name] = Parts(self._session)
            levels.append((self._session, parts))
        if self._process is not None:
            levels.append((self._process, kept_of(mark).process(self._process)))
        found: dict[str, tuple[Any, Parts]] = {}
        for policy, parts in reversed(levels):
            own = policy is options.policy
            for name, value in policy.said():
                # an answer that is given twice must be one that may be: the tool has to say so
                if name == "cache" and not (own or options.idempotent):
                    continue
                found[name] = (value, self._answers(mark, parts) if name == "cache" else parts)
        if options.timeout is not None:  # @tool(timeout=...) is the tool's word on it
            found.pop("timeout", None)
        return stacked(self._inner, found)

    def _answers(self, mark: Mark, parts: Parts) -> Parts:
        """What keeps a tool's answers: this session alone, where another may answer otherwise.

        A tool that is told its session, strict arguments, other limits and
        another runtime all shape an answer.
        """
        alike = self._inner is self._local and self._local.is_usual
        if parts.policy is self._session or (alike and entry_of(mark).context is None):
            return parts
        kept = self._caches.get(mark.name)
        if kept is None or kept.policy is not parts.policy:
            kept = self._caches[mark.name] = Parts(parts.policy)
        return kept

    def _lines(self) -> list[str]:
        groups: dict[str, list[str]] = {}
        for name in self._toolset.marks:
            groups.setdefault(repr(self._found(name)), []).append(name)
        if len(groups) <= 1:
            return list(groups) or [repr(self._inner)]
        return [f"{_shown(names)}: {stack}" for stack, names in groups.items()]


def _by_mode(mode: str, local: LocalRuntime) -> Runtime:
    """What carries out calls in a mode that is not "local": its factory's runtime."""
    if inside.worker or stays_local.get():
        return local
    from altar.plugins import load_runtime  # noqa: PLC0415 - not for "local"

    made = load_runtime(mode)(settings())
    if callable(made) and (isinstance(made, type) or not isinstance(made, Runtime)):
        made = made(local)
    if isinstance(made, type) or not isinstance(made, Runtime):
        raise ConfigurationError(
            f"mode {mode!r} made {made!r:.100}, which has no invoke and ainvoke"
        )
    return made


def _shown(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _made(make: Any, local: Runtime) -> Any:
    """What a function makes of the local runtime; a class has its instances' methods too."""
    try:
        return make(local)
    except TypeError as error:
        if not isinstance(make, type):
            raise
        name = make.__name__
        text = "Policy(timeout=30)" if make is Policy else f"lambda local: {name}(local, ...)"
        raise ConfigurationError(
            f"runtime={name}: the class cannot be made of a runtime alone ({error}); type "
            f"runtime={text}"
        ) from None


def _checked(runtime: Any) -> Runtime:
    if isinstance(runtime, type) or not isinstance(runtime, Runtime):
        raise ConfigurationError(
            f"runtime={runtime!r}: give an object with invoke and ainvoke, "
            "or a function that takes the local runtime and returns one, or a Policy"
        )
    return runtime
