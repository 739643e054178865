"""Words of the wire that both sides use: keys, headers, and what each era adds to a message."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from altar.mcp._versions import LATEST_MODERN

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CAPABILITIES_KEY",
    "CLIENT_INFO_KEY",
    "METHOD_HEADER",
    "NAMED_BY",
    "NAME_HEADER",
    "PARAM_HEADER",
    "SERVER_INFO_KEY",
    "SESSION_HEADER",
    "SUBSCRIPTION_KEY",
    "VERSION_HEADER",
    "VERSION_KEY",
    "decode_header",
    "encode_header",
    "envelope",
    "http_status",
]

# keys of ``_meta``, since 2026-07-28
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
CLIENT_INFO_KEY = "io.modelcontextprotocol/clientInfo"
SERVER_INFO_KEY = "io.modelcontextprotocol/serverInfo"  # of results
SUBSCRIPTION_KEY = "io.modelcontextprotocol/subscriptionId"  # of what follows a listen

# HTTP headers, in lower case
SESSION_HEADER = "mcp-session-id"  # handshake era
VERSION_HEADER = "mcp-protocol-version"
METHOD_HEADER = "mcp-method"  # since 2026-07-28
NAME_HEADER = "mcp-name"
PARAM_HEADER = "mcp-param-"  # + the x-mcp-header of a property of the input schema

# method -> the parameter that Mcp-Name repeats
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}

_STATUS = {
    -32700: 400,
    -32600: 400,
    -32602: 400,
    -32020: 400,
    -32021: 400,
    -32022: 400,
    -32601: 404,
}
_PLAIN = re.compile(r"[\x20-\x7e]*")
_WRAPPED = re.compile(r"=\?base64\?(.*)\?=")


def envelope(
    capabilities: Mapping[str, Any],
    client_info: Mapping[str, Any] | None = None,
    version: str = LATEST_MODERN,
) -> dict[str, Any]:
    """The ``_meta`` that every request of a modern client carries."""
    meta: dict[str, Any] = {VERSION_KEY: version, CAPABILITIES_KEY: dict(capabilities)}
    if client_info is not None:
        meta[CLIENT_INFO_KEY] = dict(client_info)
    return meta


def http_status(code: int) -> int:
    """The HTTP status under which a modern server sends an error of this code."""
    return _STATUS.get(code, 200)


def encode_header(value: str) -> str:
    """A text as a header can carry it: itself, or ``=?base64?...?=``."""
    if _PLAIN.fullmatch(value) and value == value.strip() and not _WRAPPED.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode('ascii')}?="


def decode_header(value: str | None) -> str | None:
    """The text a header carries; None where its base64 is broken, or it is not there."""
    wrapped = _WRAPPED.fullmatch(value) if value is not None else None
    if wrapped is None:
        return value
    try:
        raw = base64.b64decode(wrapped[1], validate=True)
        text = raw.decode()
    except (binascii.Error, ValueError):
        return None
    # anything but the canonical spelling would give one value two headers
    return text if base64.b64encode(raw).decode("ascii") == wrapped[1] else None
