"""``elicit``: a tool asks the person behind the client."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.errors import ToolError
from altar.mcp._jsonrpc import RpcError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = ["AskedFirst", "Elicited", "Inquiry", "current", "elicit"]


class AskedFirst(BaseException):
    """Ends a tool whose question goes to the client first (2026-07-28).

    No Exception, so that a tool that handles a client which cannot ask does
    not go on as if this were one.
    """


class Elicited(NamedTuple):
    """What the person did: ``action`` is accept, decline or cancel, ``content`` what they wrote."""

    action: str
    content: dict[str, Any]


class Inquiry:
    """The questions of one call, and the answers that are known already.

    In the handshake era ``ask`` puts a question while the tool waits. Since
    2026-07-28 it is None: the first question without an answer ends the call,
    and the client sends it again with the answer.
    """

    __slots__ = ("answers", "ask", "can_ask", "count", "is_modern", "wanted")

    def __init__(self, answers: Mapping[str, Any], *, can_ask: bool, is_modern: bool) -> None:
        self.answers = answers
        self.can_ask = can_ask
        self.is_modern = is_modern
        self.ask: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]] | None = None
        self.count = 0
        self.wanted: tuple[str, dict[str, Any]] | None = None

    async def put(self, params: dict[str, Any]) -> dict[str, Any]:
        """The client's answer; raises ToolError where there is none."""
        if not self.can_ask:
            raise ToolError("The client cannot ask a person.", type="ELICITATION_UNSUPPORTED")
        self.count += 1
        key = f"elicit-{self.count}"
        if self.is_modern:
            said = self.answers.get(key)
            if isinstance(said, dict):
                return said
            if self.wanted is None:  # one after the other, where a tool asks several at once
                self.wanted = (key, params)
            raise AskedFirst
        if self.ask is None:
            raise ToolError("The client cannot ask a person.", type="ELICITATION_UNSUPPORTED")
        try:
            return await self.ask(params)
        except RpcError:
            raise ToolError("The client did not ask.", type="ELICITATION_FAILED") from None


current: ContextVar[Inquiry | None] = ContextVar("altar_mcp_inquiry", default=None)


async def elicit(message: str, schema: Mapping[str, Any] | None = None) -> Elicited:
    """Ask the person behind the client of this call; for async tools.

    ``schema`` is a flat JSON Schema of an object, for a form; without it the
    person can only accept or not. With a client of 2026-07-28 the tool starts
    anew for every answer, so that what it does before it asks must be free of
    effects; it is ended by a BaseException, which is to be let through. Raises
    ToolError where the client cannot or does not ask, or nobody calls through
    MCP.
    """
    inquiry = current.get()
    if inquiry is None:
        raise ToolError("No MCP client is there to ask.", type="ELICITATION_UNSUPPORTED")
    form = {"type": "object", "properties": {}} if schema is None else dict(schema)
    said = await inquiry.put({"mode": "form", "message": message, "requestedSchema": form})
    content = said.get("content")
    return Elicited(str(said.get("action")), content if isinstance(content, dict) else {})
