"""What a session lends to its fast lanes: the Context of a call, made without a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm._ids import new_call_id
from altar.later._context import Context
from altar.later._stream import reporter
from altar.runtime import Cancellation

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later._context import CallingSession
    from altar.later._entry import Entry
    from altar.runtime import CallContext

__all__ = ["Lender", "give_up"]

_GONE = Cancellation()
_GONE.cancel("nobody waits any more")


class Lender:
    """The facts of one session that every Context of its calls shows."""

    __slots__ = ("_deps", "_session", "closing")

    def __init__(
        self, session: Callable[[], CallingSession | None], deps: Any, closing: Cancellation
    ) -> None:
        self._session = session
        self._deps = deps
        self.closing = closing

    def of(self, entry: Entry) -> Callable[[str | None, CallContext | None], Context[Any] | None]:
        """``lend`` for a tool's lane: a Context, or None where the general way must refuse.

        It shows what the general way's would: of a call of ``execute`` there is no ctx.
        """
        find, own, closing, name = self._session, self._deps, self.closing, entry.name
        needy, alone, new = entry.deps is not None, (closing,), object.__new__

        def lend(call_id: str | None, ctx: CallContext | None) -> Context[Any] | None:
            made: Context[Any] = new(Context)
            made.call_id = made.correlation_id = call_id = call_id or new_call_id()
            made.deps = own
            made.deadline = made._emit = None  # noqa: SLF001 - made here, past its constructor
            made._flags = alone  # noqa: SLF001
            made.approved = False
            if ctx is not None:
                if ctx.deps is not None:
                    made.deps = ctx.deps
                made.correlation_id = ctx.correlation_id or call_id
                if ctx.cancelled is not closing:
                    made._flags = (closing, ctx.cancelled)  # noqa: SLF001
                if ctx.emit is not None:
                    made._emit = reporter(name, ctx.emit)  # noqa: SLF001
                made.approved = ctx.approved
            if needy and made.deps is None:
                return None
            made.session = find()
            made.tool_name = name
            return made

        return lend


def give_up(context: Context[Any], flag: Cancellation = _GONE) -> None:
    """Let ``context.cancelled`` hear of ``flag`` too; without one it is true from now on."""
    context._flags = (*context._flags, flag)  # noqa: SLF001 - the executor's side of it
