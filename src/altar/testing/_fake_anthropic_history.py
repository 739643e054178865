"""What Anthropic refuses in messages: roles, blocks, calls and results that do not pair."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.testing._fake_http import Answered

    Bad = Callable[[str], Answered]

__all__ = ["blocks_of", "check_history", "is_thinking"]

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_USER = frozenset({"text", "image", "document", "tool_result", "search_result", "container_upload"})
_ASSISTANT = frozenset({"text", "tool_use", "thinking", "redacted_thinking", "server_tool_use"})
_RESULT = frozenset({"text", "image", "document", "search_result", "tool_reference"})
_UNANSWERED = (
    "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: "
    "{ids}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
    "message."
)
_UNCALLED = (
    "messages.{at}.content.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. "
    "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
)


def is_thinking(block: dict[str, Any]) -> bool:
    """Whether a block is thinking, shown or redacted."""
    return block.get("type") in ("thinking", "redacted_thinking")


def blocks_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The content blocks of a message; a text is one."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def check_history(body: dict[str, Any], bad: Bad, *, new: bool) -> None:
    """Raise what ``bad`` makes of the first rule that a message breaks.

    ``new``: the rules of the API version 2026-10-21.
    """
    messages = body["messages"]
    for at, message in enumerate(messages):
        _check_message(message, at, bad, last=at == len(messages) - 1)
        for index, block in enumerate(blocks_of(message)):
            _check_block(block, message["role"], f"messages.{at}.content.{index}", bad, new)
    seen: set[str] = set()
    for at in range(len(messages)):
        _check_pairs(messages, at, seen, bad)


def _check_message(message: Any, at: int, bad: Bad, *, last: bool) -> None:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ("user", "assistant"):
        raise bad(f"messages.{at}.role: Input should be 'user' or 'assistant'")
    content = message.get("content")
    if content is None:
        raise bad(f"messages.{at}.content: Field required")
    if not isinstance(content, (str, list)):
        raise bad(f"messages.{at}.content: Input should be a valid list")
    if not content and not (last and role == "assistant"):
        raise bad(
            f"messages.{at}: all messages must have non-empty content except for the optional "
            "final assistant message"
        )


def _check_block(block: Any, role: str, path: str, bad: Bad, new: bool) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str):
        raise bad(f"{path}.type: Field required")
    if kind == "document" and role == "assistant" and new:
        raise bad(f"{path}: `document` blocks are not permitted in assistant messages")
    known = _USER if role == "user" else _ASSISTANT
    server_result = role == "assistant" and (kind.endswith("_result") or kind == "document")
    if kind not in known and not server_result and kind not in ("compaction", "mcp_tool_use"):
        tags = ", ".join(f"'{tag}'" for tag in sorted(known))
        raise bad(
            f"{path}: Input tag '{kind}' found using 'type' does not match any of the expected "
            f"tags: {tags}"
        )
    if kind == "text":
        _check_text(block, role, path, bad, new)
    elif kind == "tool_use":
        _check_call(block, path, bad)
    elif kind == "tool_result":
        _check_result(block, path, bad)
    elif kind == "thinking" and not (
        isinstance(block.get("signature"), str) and isinstance(block.get("thinking"), str)
    ):
        missing = "signature" if isinstance(block.get("thinking"), str) else "thinking"
        raise bad(f"{path}.thinking.{missing}: Field required")
    elif kind == "redacted_thinking" and not isinstance(block.get("data"), str):
        raise bad(f"{path}.redacted_thinking.data: Field required")


def _check_text(block: dict[str, Any], role: str, path: str, bad: Bad, new: bool) -> None:
    text = block.get("text")
    if not isinstance(text, str):
        raise bad(f"{path}.text.text: Field required")
    if not text:
        raise bad("messages: text content blocks must be non-empty")
    if not text.strip():
        raise bad("messages: text content blocks must contain non-whitespace text")
    if new and role == "user" and "citations" in block:
        raise bad(f"{path}.text.citations: Extra inputs are not permitted")


def _check_call(block: dict[str, Any], path: str, bad: Bad) -> None:
    if not isinstance(block.get("id"), str) or not _ID.fullmatch(block["id"]):
        raise bad(f"{path}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    if not isinstance(block.get("name"), str) or not block["name"]:
        raise bad(f"{path}.tool_use.name: String should have at least 1 character")
    if not isinstance(block.get("input"), dict):
        raise bad(f"{path}.tool_use.input: Input should be a valid dictionary")


def _check_result(block: dict[str, Any], path: str, bad: Bad) -> None:
    if not isinstance(block.get("tool_use_id"), str):
        raise bad(f"{path}.tool_result.tool_use_id: Field required")
    content = block.get("content", "")
    if not isinstance(content, (str, list)):
        raise bad(f"{path}.tool_result.content: Input should be a valid list")
    if not isinstance(block.get("is_error", False), bool):
        raise bad(f"{path}.tool_result.is_error: Input should be a valid boolean")
    for index, inner in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(inner, dict) or inner.get("type") not in _RESULT:
            raise bad(f"{path}.tool_result.content.{index}: Input should be a valid block")


def _check_pairs(messages: list[Any], at: int, seen: set[str], bad: Bad) -> None:
    """Calls of message ``at`` against the results of the next, and the other way round."""
    blocks = blocks_of(messages[at])
    calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    for index, block in enumerate(blocks):
        if block["type"] == "tool_use":
            if block["id"] in seen:
                raise bad(f"messages.{at}.content.{index}: `tool_use` ids must be unique")
            seen.add(block["id"])
    if calls:
        following = blocks_of(messages[at + 1]) if at + 1 < len(messages) else []
        answered = _leading_results(following)
        missing = [call for call in calls if call not in answered]
        if missing:
            raise bad(_UNANSWERED.format(at=at, ids=", ".join(missing)))
    before = blocks_of(messages[at - 1]) if at else []
    open_calls = [block["id"] for block in before if block["type"] == "tool_use"]
    given: set[str] = set()
    for index, block in enumerate(blocks):
        if block["type"] != "tool_result":
            continue
        answers = block["tool_use_id"]
        if answers not in open_calls:
            raise bad(_UNCALLED.format(at=at, index=index, id=answers))
        if answers in given:
            raise bad(
                f"messages.{at}.content.{index}: each tool_use must have a single result. "
                f"Found multiple `tool_result` blocks with id: {answers}"
            )
        given.add(answers)


def _leading_results(blocks: list[dict[str, Any]]) -> list[str]:
    """The calls answered before anything else is said: results come first."""
    answered = []
    for block in blocks:
        if block["type"] != "tool_result":
            break
        answered.append(block["tool_use_id"])
    return answered
