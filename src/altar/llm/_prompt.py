"""Prompts: a text, parts of one message, or a history, as messages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from altar.adm import Blob
from altar.errors import ConfigurationError
from altar.llm._clean import sound
from altar.llm._codec import load_messages
from altar.llm._messages import Message
from altar.llm._parts import BlobPart, Part, Text
from altar.llm._pending import Pending

__all__ = ["Prompt", "to_messages"]

Prompt: TypeAlias = "str | Blob | Part | Message | Pending | Sequence[str | Blob | Part | Message]"

_ALLOWED = (
    "a prompt is a text, a Blob, a part, a Message, a list of texts, Blobs and parts (one "
    "message), a list of Messages, what dump_messages() wrote of them, or a reply's pending"
)
# The roles of other libraries, and how altar says them.
_SAID = {
    "user": "altar.llm.Message.user({text})",
    "assistant": "altar.llm.Message.assistant({text})",
    "system": "instructions={text} beside the prompt",
    "developer": "instructions={text} beside the prompt",
}


def to_messages(prompt: Any) -> list[Message]:
    """The messages ``prompt`` stands for; raises ConfigurationError when it stands for none.

    Stored messages (JSON objects with a ``role``) are read too. Those of a
    Pending still lack the results it waits for.
    """
    if isinstance(prompt, Pending):
        return list(prompt.messages)
    if isinstance(prompt, Message):
        return [prompt]
    if _is_stored(prompt):
        return _turn(prompt)
    _refuse_stored_pending(prompt)
    if isinstance(prompt, str) and not prompt:
        raise ConfigurationError(f"{_ALLOWED}; not an empty one")
    if isinstance(prompt, (str, Blob, Part)):
        return [Message("user", (_part(prompt),))]
    if not isinstance(prompt, Sequence) or isinstance(prompt, (bytes, bytearray)):
        raise ConfigurationError(f"{_ALLOWED}; not {type(prompt).__name__}")
    if not prompt:
        raise ConfigurationError(f"{_ALLOWED}; not an empty one")
    if any(isinstance(item, Message) or _is_stored(item) for item in prompt):
        return [message for item in prompt for message in _turn(item)]
    return [Message("user", tuple([_part(item) for item in prompt]))]


def _refuse_stored_pending(prompt: object) -> None:
    """Raise ConfigurationError for what a Pending was stored as: a model would read it as text."""
    document: object = prompt
    if isinstance(prompt, str) and prompt.startswith("{") and '"trace_id"' in prompt:
        try:
            document = json.loads(prompt)
        except (ValueError, RecursionError):
            return
    if isinstance(document, Mapping) and {"calls", "messages", "trace_id"} <= document.keys():
        read = "json.loads(text)" if isinstance(prompt, str) else "document"
        raise ConfigurationError(
            "this is what a Pending was stored as; type "
            f"altar.llm.Pending.from_dict({read}), decide, and give that as the prompt"
        )


def _is_stored(item: object) -> bool:
    return isinstance(item, Mapping) and "role" in item


def _is_foreign(item: object) -> bool:
    """Whether ``item`` is a message as other libraries write it: with content, not with parts."""
    return _is_stored(item) and isinstance(item, Mapping) and "parts" not in item


def _foreign(item: Mapping[str, Any]) -> ConfigurationError:
    role, content = item["role"], item.get("content")
    text = repr(content) if isinstance(content, str) and len(content) <= 40 else "'...'"
    line = _SAID.get(str(role), "the messages of an earlier reply, reply.messages").format(
        text=text
    )
    return ConfigurationError(
        f"{_ALLOWED}; not a dict with 'role': {role!r} and no 'parts'. For this one give {line}"
    )


def _turn(item: Any) -> list[Message]:
    if _is_foreign(item):
        raise _foreign(item)
    if isinstance(item, Message):
        return [item]
    return load_messages([item]) if _is_stored(item) else to_messages(item)


def _part(item: Any) -> Part:
    if isinstance(item, str):
        if sound(item) != item:
            raise ConfigurationError(
                "the prompt holds a lone surrogate, which UTF-8 cannot write; clean it with "
                "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
            )
        return Text(item)
    if isinstance(item, Blob):
        return BlobPart(item.mime, item.data)
    if isinstance(item, Part):
        return item
    raise ConfigurationError(f"{_ALLOWED}; not one that holds {type(item).__name__}")
