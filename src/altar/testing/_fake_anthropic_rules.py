"""What Anthropic refuses: keys, fields, parameters, and thinking that came back changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from altar.testing._fake_anthropic_history import blocks_of, check_history, is_thinking
from altar.testing._fake_anthropic_tools import check_output, check_tools
from altar.testing._fake_seal import Seal, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from altar.testing._fake_http import Answered
    from altar.testing._fake_server import FakeCall, FakeServer

__all__ = ["Rules"]

_FIELDS = frozenset(
    {
        *("model", "messages", "max_tokens", "system", "tools", "tool_choice", "thinking"),
        *("output_config", "stop_sequences", "stream", "metadata", "service_tier", "container"),
        *("context_management", "mcp_servers", "cache_control", "inference_geo", "speed"),
        *("diagnostics", "fallbacks"),
    }
)
_SAMPLING = frozenset({"temperature", "top_p", "top_k"})  # until version 2026-10-21
_NEW = "2026-10-21"
_MODEL = re.compile(r"claude-[a-z]+-(\d{1,2})(?:-(\d{1,2}))?(?![\d])")
_UNFORCED = re.compile(r"claude-(?:opus-5-5|sonnet-5-5|fable-5-1|mythos-5-1)(?!\d)")
_MODIFIED = (
    "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. "
    "These blocks must remain as they were in the original response."
)
_EXPECTED = (
    "Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` is enabled, "
    "a final `assistant` message must start with a thinking block (preceeding the lastmost set of "
    "`tool_use` and `tool_result` blocks). We recommend you include thinking blocks from previous "
    "turns. To avoid this requirement, disable `thinking`."
)
_BOUND = (
    "Invalid `signature` in `thinking` block. The block is bound to a different conversation. "
    "Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "
    '"drop_block". {culprit}'
)
_CULPRITS = (
    "The `system` prompt differs.",
    "The `tools` differ.",
    "An earlier message differs.",
)


class Rules:
    """The rules of one server, and what it must remember for them."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._seal = Seal("anthropic")
        self._verbatim: set[str] = set()  # signatures and data that a script wrote itself
        self._thought: dict[str, tuple[str, list[Any]]] = {}  # tool_use id -> model, its thinking
        self._paused: set[bytes] = set()

    def check(self, call: FakeCall) -> None:
        """Raise the vendor's answer when the request breaks a rule."""
        self._check_key(call)
        body = call.body
        self._check_fields(body, call.headers.get("anthropic-version", ""))
        if not call.model.startswith("claude-"):
            raise self._server.refused(404, f"model: {call.model}")
        check_tools(body, self._bad)
        check_output(body, self._bad)
        self._check_choice(body, call.model)
        new = call.headers.get("anthropic-version", "") >= _NEW
        check_history(body, self._bad, new=new)
        self._check_end(body["messages"])
        self._check_signatures(call)
        self._check_latest(call)

    def signer(self, call: FakeCall) -> Callable[[str, str], str]:
        """What writes ids, signatures and redacted thinking into the answer to ``call``."""
        system, tools, messages = _prefix(call.body, len(call.body["messages"]))
        model = _plain(call.model)

        def sign(kind: str, text: str) -> str:
            number = self._server.number()
            if kind == "id":
                return f"{text}_fake{number:08d}"
            said = text if kind == "thinking" else kind
            return self._seal.sign(number, said, system, tools, messages, model)

        return sign

    def remember(self, call: FakeCall, message: dict[str, Any]) -> None:
        """Note what must come back: thinking beside calls, a paused turn, foreign signatures."""
        content = message["content"]
        thoughts = [block for block in content if is_thinking(block)]
        with self._server.lock:
            for block in thoughts:
                self._verbatim.add(_mark(block))
            for block in content:
                if block.get("type") == "tool_use" and thoughts:
                    self._thought[block["id"]] = (_plain(call.model), thoughts)
            if message["stop_reason"] == "pause_turn":
                self._paused.add(digest_of(content))

    def dropped(self, call: FakeCall) -> list[dict[str, str]]:
        """``input_transformations``: the thinking that was left out because it was asked to be."""
        if not _drops(call.body):
            return []
        return [
            {"type": "thinking_dropped", "path": path, "reason": "prefix_mismatch"}
            for path, _, culprit in self._thoughts(call)
            if culprit
        ]

    def _bad(self, message: str) -> Answered:
        return self._server.refused(400, message)

    def _check_key(self, call: FakeCall) -> None:
        given = call.headers.get("x-api-key")
        bearer = call.headers.get("authorization", "").removeprefix("Bearer ")
        if given is None and not bearer:
            raise self._server.refused(401, "x-api-key header is required")
        if self._server.key not in (given, bearer):
            words = "invalid x-api-key" if given is not None else "Invalid bearer token"
            raise self._server.refused(401, words)

    def _check_fields(self, body: dict[str, Any], version: str) -> None:
        if not version:
            raise self._bad("anthropic-version: header is required")
        for name in ("model", "messages", "max_tokens"):
            if name not in body:
                raise self._bad(f"{name}: Field required")
        for name in body:
            if name not in _FIELDS and not (name in _SAMPLING and version < _NEW):
                raise self._bad(f"{name}: Extra inputs are not permitted")
        limit = body["max_tokens"]
        if not isinstance(limit, int) or isinstance(limit, bool):
            raise self._bad("max_tokens: Input should be a valid integer")
        if limit < 1:
            raise self._bad("max_tokens: Input should be greater than or equal to 1")
        if not isinstance(body["messages"], list) or not body["messages"]:
            raise self._bad("messages: at least one message is required")
        self._check_thinking(body.get("thinking"), limit)

    def _check_thinking(self, thinking: Any, limit: int) -> None:
        if thinking is None:
            return
        kind = thinking.get("type") if isinstance(thinking, dict) else None
        if kind not in ("enabled", "adaptive", "disabled", "between_tools"):
            raise self._bad(
                f"thinking: Input tag '{kind}' found using 'type' does not match any of the "
                "expected tags: 'adaptive', 'between_tools', 'disabled', 'enabled'"
            )
        if kind == "enabled":
            budget = thinking.get("budget_tokens")
            if not isinstance(budget, int):
                raise self._bad("thinking.enabled.budget_tokens: Field required")
            if budget < 1024:
                raise self._bad(
                    "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
                )
            if limit <= budget:
                raise self._bad("`max_tokens` must be greater than `thinking.budget_tokens`.")

    def _check_choice(self, body: dict[str, Any], model: str) -> None:
        choice = body.get("tool_choice")
        if choice is None:
            return
        kind = choice.get("type") if isinstance(choice, dict) else None
        if kind not in ("auto", "any", "tool", "none"):
            raise self._bad("tool_choice: Input should be a valid tool choice")
        tools = [tool.get("name") for tool in body.get("tools") or ()]
        if not tools:
            raise self._bad("tool_choice may only be specified while providing tools.")
        if kind == "tool" and choice.get("name") not in tools:
            raise self._bad(f"Tool '{choice.get('name')}' not found in provided tools")
        thinking = (body.get("thinking") or {}).get("type")
        unforced = thinking == "adaptive" and _UNFORCED.match(model)
        if kind in ("any", "tool") and (thinking in ("enabled", "between_tools") or unforced):
            raise self._bad("Thinking may not be enabled when tool_choice forces tool use.")

    def _check_end(self, messages: list[Any]) -> None:
        """A conversation ends with the user, but for a paused turn that is sent again."""
        last = messages[-1]
        if last["role"] == "assistant" and digest_of(blocks_of(last)) not in self._paused:
            raise self._bad(
                "This model does not support assistant message prefill. "
                "The conversation must end with a user message."
            )

    def _check_signatures(self, call: FakeCall) -> None:
        binds, drops = _binds(call.model), _drops(call.body)
        for path, valid, culprit in self._thoughts(call):
            if not valid:
                raise self._bad(f"{path}: Invalid `signature` in `thinking` block")
            if culprit and binds and not drops:
                raise self._bad(f"{path}: {_BOUND.format(culprit=culprit)}")

    def _thoughts(self, call: FakeCall) -> Iterator[tuple[str, bool, str]]:
        """Each thinking block's path, whether it is as it was signed, and what changed before."""
        model = digest_of(_plain(call.model))
        for at, message in enumerate(call.body["messages"]):
            for index, block in enumerate(blocks_of(message)):
                if not is_thinking(block):
                    continue
                path = f"messages.{at}.content.{index}"
                facts = self._seal.read(block.get("signature", block.get("data")))
                if facts is None:
                    yield path, _mark(block) in self._verbatim, ""
                    continue
                said = block.get("thinking", "redacted")
                valid = facts[0] == digest_of(said) and facts[4] == model
                prefix = [digest_of(one) for one in _prefix(call.body, at)]
                changed = [
                    words
                    for words, signed, now in zip(_CULPRITS, facts[1:4], prefix, strict=True)
                    if signed != now
                ]
                yield path, valid, changed[0] if changed else ""

    def _check_latest(self, call: FakeCall) -> None:
        """The calls that are being answered keep the thinking they came with."""
        messages = call.body["messages"]
        last = max(
            (at for at, message in enumerate(messages) if message["role"] == "assistant"),
            default=-1,
        )
        blocks = blocks_of(messages[last]) if last >= 0 else []
        thinking = (call.body.get("thinking") or {}).get("type")
        calls = [block for block in blocks if block.get("type") == "tool_use"]
        if not calls or thinking == "disabled":
            return
        found = [block for block in blocks if is_thinking(block)]
        model, issued = self._thought.get(calls[0]["id"], ("", []))
        ours = model == _plain(call.model)
        missing = not is_thinking(blocks[0]) if thinking == "enabled" else ours and not found
        if missing:
            words = _EXPECTED.format(found=blocks[0]["type"])
            raise self._bad(f"messages.{last}.content.0.type: {words}")
        if ours and [_mark(block) for block in found] != [_mark(block) for block in issued]:
            raise self._bad(f"messages.{last}.content.0: {_MODIFIED}")


def _plain(model: str) -> str:
    """A model's name without the date of a snapshot."""
    return re.sub(r"-(?:\d{8}|latest)$", "", model)


def _binds(model: str) -> bool:
    """Whether the model's thinking is bound to the conversation before it: from 5.1 on."""
    found = _MODEL.match(model)
    return found is not None and (int(found[1]), int(found[2] or 0)) >= (5, 1)


def _drops(body: dict[str, Any]) -> bool:
    binding = (body.get("thinking") or {}).get("block_binding") or {}
    return bool(binding.get("prefix_mismatch_behavior") == "drop_block")


def _mark(block: dict[str, Any]) -> str:
    """What makes a thinking block the same: its text and its signature, or its data."""
    if block["type"] == "redacted_thinking":
        return f"data {block.get('data')}"
    return f"{block.get('signature')} {block.get('thinking')}"


def _prefix(body: dict[str, Any], until: int) -> tuple[Any, Any, Any]:
    """System prompt, tools and the messages before one, without what does not count."""
    messages = [
        [message["role"], [_bare(block) for block in blocks_of(message) if not is_thinking(block)]]
        for message in body["messages"][:until]
    ]
    system = blocks_of({"content": body.get("system") or []})
    tools = [_bare(tool) for tool in body.get("tools") or ()]
    return [_bare(block) for block in system], tools, messages


def _bare(block: dict[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in block.items() if name != "cache_control"}
    if isinstance(plain.get("content"), str):  # a tool_result's text, or a list of one
        plain["content"] = [{"type": "text", "text": plain["content"]}]
    return plain
