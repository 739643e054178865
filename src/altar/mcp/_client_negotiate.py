"""Which era a server is of: asked, not guessed, and remembered for the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from altar.errors import ErrorType
from altar.mcp._client_errors import McpError, broken
from altar.mcp._client_peer import CLIENT_INFO
from altar.mcp._jsonrpc import UNSUPPORTED_VERSION
from altar.mcp._versions import (
    HANDSHAKE_VERSIONS,
    LATEST_HANDSHAKE,
    LATEST_MODERN,
    MODERN_VERSIONS,
)
from altar.mcp._words import SERVER_INFO_KEY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from altar.mcp._client_peer import Peer

__all__ = ["Agreed", "negotiate"]

_PROBE = 5.0  # seconds a server may take to say that it is of the stateless era
_MAX_NAME = 100
_MAX_TEXT = 20_000  # characters of instructions


class Agreed(NamedTuple):
    """What client and server agreed on."""

    version: str
    server: dict[str, Any]
    capabilities: dict[str, Any]
    instructions: str


async def negotiate(
    peer: Peer, wanted: str | None, seconds: float, again: Callable[[], Awaitable[None]]
) -> Agreed:
    """Agree on a version: the one that is ``wanted``, or else the newest both speak.

    A server that does not know ``server/discover`` is of the handshake era;
    ``again`` starts one that ended when it was asked. Raises McpError where
    there is no agreement.
    """
    if wanted in HANDSHAKE_VERSIONS:
        return await _initialize(peer, wanted, seconds)
    version = LATEST_MODERN if wanted is None else wanted
    for attempt in range(2):
        try:
            return await _discover(peer, version, min(_PROBE, seconds / 3))
        except McpError as error:
            named = _named_by(error)
            mutual = [one for one in MODERN_VERSIONS if one in named]
            if mutual and attempt == 0:
                version = mutual[-1]
                continue
            if wanted is not None or _is_final(peer, error, named):
                raise
            is_slow = error.type == ErrorType.TIMEOUT
        _settle(peer, None)
        if peer.transport.ended is not None:
            await again()
            is_slow = False
        try:
            return await _initialize(peer, LATEST_HANDSHAKE, seconds)
        except McpError as error:
            # a slow server that took the first question after all is of the newer era
            mutual = [one for one in MODERN_VERSIONS if one in _named_by(error)]
            if is_slow and peer.transport.pids and peer.transport.ended is not None:
                await again()  # a slow process that ended at the first question after all
                return await _initialize(peer, LATEST_HANDSHAKE, seconds)
            if not mutual or attempt:
                raise
            version = mutual[-1]
    raise broken(f"{peer.name} agrees on no version.")


async def _discover(peer: Peer, version: str, seconds: float) -> Agreed:
    _settle(peer, version)
    said = await peer.request("server/discover", seconds=seconds)
    offered = said.get("supportedVersions")
    mutual = [one for one in MODERN_VERSIONS if isinstance(offered, list) and one in offered]
    if not mutual:
        raise broken(f"{peer.name} names no version that altar knows.")
    _settle(peer, mutual[-1])
    meta = said.get("_meta")
    info = meta.get(SERVER_INFO_KEY) if isinstance(meta, dict) else None
    return _agreed(peer, mutual[-1], said, info)


async def _initialize(peer: Peer, version: str, seconds: float) -> Agreed:
    _settle(peer, None)
    params = {
        "protocolVersion": version,
        "capabilities": peer.desk.capabilities(),
        "clientInfo": CLIENT_INFO,
    }
    said = await peer.request("initialize", params, seconds=seconds)
    agreed = said.get("protocolVersion")
    if not isinstance(agreed, str) or agreed not in HANDSHAKE_VERSIONS:
        raise broken(f"{peer.name} wants version {agreed!r:.60}, which altar does not speak.")
    _settle(peer, agreed)
    await peer.notify("notifications/initialized")
    return _agreed(peer, agreed, said, said.get("serverInfo"))


def _settle(peer: Peer, version: str | None) -> None:
    peer.transport.version = version
    peer.transport.is_modern = version in MODERN_VERSIONS


def _agreed(peer: Peer, version: str, said: dict[str, Any], info: object) -> Agreed:
    server = info if isinstance(info, dict) else {}
    name = server.get("name")
    if isinstance(name, str) and name.strip():
        peer.name = f"the MCP server {name.strip()[:_MAX_NAME]!r}"
    can, instructions = said.get("capabilities"), said.get("instructions")
    return Agreed(
        version,
        server,
        can if isinstance(can, dict) else {},
        instructions[:_MAX_TEXT] if isinstance(instructions, str) else "",
    )


def _named_by(error: McpError) -> list[str]:
    """The versions that a server named when it refused one."""
    data = error.data if error.code == UNSUPPORTED_VERSION else None
    named = data.get("supported") if isinstance(data, dict) else None
    return [one for one in named if isinstance(one, str)] if isinstance(named, list) else []


def _is_final(peer: Peer, error: McpError, named: list[str]) -> bool:
    """Whether the handshake would be refused as well, or never heard."""
    if named:
        return not any(one in HANDSHAKE_VERSIONS for one in named)
    if error.type == ErrorType.CONFIGURATION_ERROR or error.status in (401, 403, 407):
        return True
    # a process may end at a word it does not know; a web server that is away is away
    away = error.type == ErrorType.SERVICE_UNAVAILABLE and error.status is None
    return away and not peer.transport.pids
