"""What an answer needs from outside: the server's decisions yield these and are sent what came."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from altar.mcp._jsonrpc import RpcError

if TYPE_CHECKING:
    from altar.adm import FunctionCall
    from altar.later import Session
    from altar.mcp._elicit import Inquiry

__all__ = ["AnsweredError", "Ask", "Invoke", "Need", "Run", "Steps", "Stream"]


class Invoke(NamedTuple):
    """One call of a tool; what came of it is a ToolResult."""

    session: Session
    call: FunctionCall
    approved: bool = False
    inquiry: Inquiry | None = None  # what the tool may ask a person


class AnsweredError(RpcError):
    """The client's own answer to a request, where it is an error."""


class Ask(NamedTuple):
    """A request to the client (handshake era); its answer is a dict.

    AnsweredError is thrown where the client refuses, RpcError where it cannot be asked.
    """

    method: str
    params: dict[str, Any]


class Run(NamedTuple):
    """A function of the application, sync or async, with texts for arguments."""

    function: Callable[..., Any]
    arguments: dict[str, str]


class Stream(NamedTuple):
    """The request stays open until the client leaves or the server stops."""

    notifications: dict[str, Any]


Need: TypeAlias = Invoke | Ask | Run | Stream
Steps: TypeAlias = Generator[Need, Any, dict[str, Any]]
