"""What a tool of a server answered, as a value of altar's or as its error."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from altar.adm import Blob
from altar.errors import ErrorType, InvalidDataError
from altar.mcp._client_errors import McpError, of_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.adm import Schema

__all__ = ["WRAPPED", "value_of"]

# of an object schema whose one property "result" is what the tool returns; see the server
WRAPPED = "x-fastmcp-wrap-result"
_MAX_TEXT = 2000
_KEPT_PROBLEMS = 32


def value_of(
    result: Mapping[str, Any], returns: Schema | None, *, wrapped: bool, server: str
) -> Any:
    """The structured content where there is one, else what the blocks hold.

    Raises McpError for a result that says it is an error, and for one that is
    not what the tool's output schema promises.
    """
    blocks = result.get("content")
    found = blocks if isinstance(blocks, list) else []
    if result.get("isError") not in (None, False):  # anything else is no success
        raise _error_of(result, found)
    value = result.get("structuredContent")
    has_value = value is not None or _is_null(result, found, returns)
    if wrapped and has_value and isinstance(value, dict) and "result" in value:
        value = value["result"]
    if returns is not None:
        if not has_value:
            raise _lie(server, "it declares what it returns, and gave no structured content", [])
        problems = returns.check(value)
        if problems:
            told = [problem.to_dict() for problem in problems[:_KEPT_PROBLEMS]]
            raise _lie(server, f"it is not what it declares: {problems[0]}", told)
    values = [_value_of_block(block, server) for block in found if isinstance(block, dict)]
    if has_value:
        media = [one for one in values if isinstance(one, Blob)]
        return [value, *media] if media and returns is None else value
    if not values:
        return None
    return values[0] if len(values) == 1 else values


def _is_null(result: Mapping[str, Any], blocks: list[Any], returns: Schema | None) -> bool:
    """Whether null is the value, and not an SDK's way to write that there is none."""
    if "structuredContent" not in result:
        return False
    return returns is not None or not blocks or blocks == [{"type": "text", "text": "null"}]


def _value_of_block(block: Mapping[str, Any], server: str) -> Any:
    kind = block.get("type")
    if kind == "text" and isinstance(block.get("text"), str):
        return block["text"]
    if kind in ("image", "audio"):
        return _blob(block.get("mimeType"), block.get("data"), server)
    inside = block.get("resource")
    if kind == "resource" and isinstance(inside, dict):
        if "blob" in inside:
            return _blob(inside.get("mimeType"), inside["blob"], server)
        return {key: inside[key] for key in ("uri", "mimeType", "text") if key in inside}
    return {key: item for key, item in block.items() if key not in ("_meta", "annotations")}


def _blob(mime: Any, data: Any, server: str) -> Blob:
    try:
        kind = mime if isinstance(mime, str) and mime else "application/octet-stream"
        return Blob(kind.partition(";")[0].strip(), b64decode(data, validate=True))
    except (TypeError, ValueError, InvalidDataError) as error:
        raise _lie(server, "a block of its result holds no bytes of a media type", []) from error


def _error_of(result: Mapping[str, Any], blocks: list[Any]) -> McpError:
    told = of_document(result.get("structuredContent"))
    texts = [
        block["text"]
        for block in blocks
        if isinstance(block, dict) and isinstance(block.get("text"), str)
    ]
    if told is None and len(texts) == 1 and texts[0].startswith('{"error"'):
        told = of_document(_json(texts[0]))
    if told is not None:
        return told
    text = "\n".join(texts).strip()[:_MAX_TEXT]
    return McpError(text or "The tool failed, and did not say why.")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _lie(server: str, how: str, problems: list[dict[str, Any]]) -> McpError:
    details: dict[str, Any] = {"stage": "result"}
    if problems:
        details["problems"] = problems
    return McpError(
        f"{server} broke its word about the result: {how}",
        type=ErrorType.TOOL_EXECUTION_FAILED,
        details=details,
    )
