"""Peer: one client as the server knows it, and the facts of one of its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from altar.mcp._jsonrpc import INVALID_PARAMS, UNSUPPORTED_VERSION, RpcError
from altar.mcp._versions import HANDSHAKE_VERSIONS, LATEST_MODERN, MODERN_VERSIONS, VERSIONS
from altar.mcp._words import CAPABILITIES_KEY, VERSION_KEY

if TYPE_CHECKING:
    from altar.later import Session
    from altar.mcp._jsonrpc import Request

__all__ = ["Caller", "Peer", "Tally", "caller_of", "can_elicit", "unsupported"]


class Caller(NamedTuple):
    """Who asks, as one request sees it: the same in both eras."""

    peer: Peer
    modern: bool
    version: str
    capabilities: dict[str, Any]

    @property
    def can_elicit(self) -> bool:
        """Whether a form can be put to the person behind the client."""
        return can_elicit(self.capabilities)


class Tally:
    """How many requests of one client run, on all of its connections."""

    __slots__ = ("__weakref__", "running")

    def __init__(self) -> None:
        self.running = 0


class Peer:
    """One connection: a pipe, a session of HTTP, or one request where nothing is kept.

    ``version`` is None until a handshake has agreed on one.
    """

    __slots__ = ("capabilities", "principal", "session", "subscribed", "tally", "version")

    def __init__(
        self, session: Session, principal: str | None = None, tally: Tally | None = None
    ) -> None:
        self.session = session
        self.principal = principal
        self.tally = Tally() if tally is None else tally
        self.version: str | None = None
        self.capabilities: dict[str, Any] = {}
        self.subscribed: set[str] = set()


def can_elicit(capabilities: Any) -> bool:
    """Whether a client that declares these can be given a form."""
    said = capabilities.get("elicitation") if isinstance(capabilities, dict) else None
    # an empty object is the older way to say that forms are understood
    return isinstance(said, dict) and (not said or "form" in said or "url" not in said)


def caller_of(peer: Peer, request: Request) -> Caller:
    """The facts of this request: its envelope, or else what the handshake agreed on.

    Raises RpcError where there is neither, or the envelope is no good.
    """
    meta = request.params.get("_meta")
    if type(meta) is dict and VERSION_KEY in meta:
        version, capabilities = meta[VERSION_KEY], meta.get(CAPABILITIES_KEY)
        if type(version) is not str:
            raise RpcError(INVALID_PARAMS, f"_meta[{VERSION_KEY!r}] must be a text")
        if version not in MODERN_VERSIONS:
            raise unsupported(version)
        if type(capabilities) is not dict:
            raise RpcError(INVALID_PARAMS, f"_meta[{CAPABILITIES_KEY!r}] must be an object")
        return Caller(peer, True, version, capabilities)
    if peer.version is not None:
        return Caller(peer, False, peer.version, peer.capabilities)
    raise RpcError(
        INVALID_PARAMS,
        f"{request.method}: there was no handshake; send initialize, or carry "
        f"{VERSION_KEY!r} ({LATEST_MODERN}) and {CAPABILITIES_KEY!r} in params._meta",
    )


def unsupported(version: str) -> RpcError:
    """The refusal of a version; names those a client may turn to."""
    supported = [*MODERN_VERSIONS] if version not in HANDSHAKE_VERSIONS else [*VERSIONS]
    return RpcError(
        UNSUPPORTED_VERSION,
        "Unsupported protocol version",
        {"supported": supported, "requested": version},
    )
