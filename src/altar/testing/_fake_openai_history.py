"""What the Responses API refuses in ``input``: items that do not pair, or lost their reasoning.

The fake writes into the id of an item which reasoning it came after
(``fc_000003x000002`` needs ``rs_000002``), so that any server of its kind can
check a history without remembering it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from altar.testing._fake_http import Answer, Answered
from altar.testing._fake_seal import Seal, digest_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from altar.testing._fake_openai_rules import Refusals

__all__ = ["Reasoning", "check_input", "items_of", "numbered_id"]

_LINKED = re.compile(r"(?:fc|msg)_\d+x(\d+)")
_LONGEST_ID = 64
_PREFIXES = {"function_call": "fc", "message": "msg", "reasoning": "rs"}
_ROLES = ("user", "assistant", "system", "developer")
_FIELDS = {
    "function_call": "arguments call_id name type id status async caller namespace created_by",
    "function_call_output": "output type id call_id status caller name namespace",
    "reasoning": "id summary type content encrypted_content status",
    "message": "role content type id status phase",
}
_ASKED = ("input_text", "input_image", "input_file")
_SAID = ("output_text", "refusal")
_VERSION = "gAAAAA"  # how encrypted content begins


def numbered_id(prefix: str, number: int, reasoning: str | None = None) -> str:
    """An item's id; ``reasoning`` is the id of the reasoning it must come after."""
    link = "" if reasoning is None else "x" + reasoning.removeprefix("rs_")
    return f"{prefix}_{number:06d}{link}"


def items_of(body: dict[str, Any]) -> list[Any]:
    """The items of ``input``; a text is a user's message."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return given if isinstance(given, list) else []


def kind_of(item: dict[str, Any]) -> Any:
    """The type of an item; a message may leave it out."""
    return item.get("type", "message" if "role" in item else None)


class Reasoning:
    """Writes and reads ``encrypted_content``: sealed with the model and what came before it."""

    def __init__(self) -> None:
        self._seal = Seal("openai responses")

    def write(self, number: int, item_id: str, model: str, before: list[Any]) -> str:
        """The encrypted content of a new item."""
        return _VERSION + self._seal.sign(number, item_id, _base(model), _prefix(before))

    def read(
        self, items: list[Any], model: str, no: Refusals, stored: Collection[str] = ()
    ) -> list[dict[str, Any]]:
        """What ``input_transformations`` says of the reasoning that does not fit here.

        Raises a refusal for content that was changed, or is missing; the
        server itself keeps that of the items whose ids are ``stored``.
        """
        removed = []
        for at, item in enumerate(items):
            if kind_of(item) != "reasoning":
                continue
            sealed = item.get("encrypted_content")
            if sealed is None and item.get("id") in stored:
                continue
            if sealed is None:
                raise _not_stored(item.get("id"))
            text = sealed if isinstance(sealed, str) else ""
            facts = self._seal.read(text.removeprefix(_VERSION)) if _VERSION in text[:6] else None
            if facts is None or facts[0] != digest_of(item.get("id")):
                raise no.bad(
                    f"The encrypted content {text[:10]}... could not be verified. Reason: "
                    "Encrypted content could not be decrypted or parsed.",
                    f"input[{at}].encrypted_content",
                    "invalid_encrypted_content",
                )
            reason = None
            if facts[1] != digest_of(_base(model)):
                reason = "model_mismatch"
            elif facts[2] != digest_of(_prefix(items[:at])):
                reason = "prefix_mismatch"
            if reason is not None:
                told = {"id": item["id"], "action": "removed", "reason": reason}
                removed.append({**told, "type": "reasoning"})
        return removed


def _base(model: str) -> str:
    """The model without the date of a snapshot: both read the same reasoning."""
    return re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model)


def _prefix(items: list[Any]) -> list[Any]:
    """What was said before an item, without what a client may leave out."""
    return [_plain(item) for item in items]


def _plain(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    kind = kind_of(item)
    drop = {"status", "id", "phase"} | ({"name"} if kind == "function_call_output" else set())
    kept = {name: value for name, value in item.items() if name not in drop}
    kept["type"] = kind
    content = kept.get("content")
    if isinstance(content, str):
        content = [{"text": content}]
    if isinstance(content, list):
        shown = ("text", "refusal", "image_url", "file_id", "file_data", "file_url")
        kept["content"] = [
            {name: part[name] for name in shown if part.get(name) is not None}
            if isinstance(part, dict)
            else part
            for part in content
        ]
    return {name: value for name, value in kept.items() if value is not None}


def _not_stored(item_id: Any) -> Answered:
    words = (
        f"Item with id '{item_id}' not found. Items are not persisted when `store` is set to "
        "false. Try again with `store` set to true, or remove this item from your input."
    )
    error = {"message": words, "type": "invalid_request_error", "param": "input", "code": None}
    return Answered(Answer(404, {"error": error}))


# -- the rules ---------------------------------------------------------------------------


def check_input(items: list[Any], no: Refusals) -> None:
    """Raise the refusal of the first rule that the items break."""
    seen: set[str] = set()
    for at, item in enumerate(items):
        path = f"input[{at}]"
        if not isinstance(item, dict):
            raise no.wrong_type(path, "an object", item)
        _check_item(item, path, no)
        item_id = item.get("id")
        if item_id is None:
            continue
        if item_id in seen:
            raise no.bad(
                f"Duplicate item found with id {item_id}. Remove duplicate items from your input "
                "and try again.",
                "input",
            )
        seen.add(item_id)
    _check_reasoning(items, no)
    _check_pairs(items, no)


def _check_item(item: dict[str, Any], path: str, no: Refusals) -> None:
    kind = kind_of(item)
    if kind is None:
        raise no.missing(f"{path}.type")
    known = _FIELDS.get(kind)
    for name in item if known else ():
        if name not in known.split():  # type: ignore[union-attr]
            words = f"Unknown parameter: '{path}.{name}'."
            raise no.bad(words, f"{path}.{name}", "unknown_parameter")
    _check_id(item, kind, path, no)
    if kind == "message":
        _check_message(item, path, no)
    elif kind == "function_call":
        _check_texts(item, ("arguments", "call_id", "name"), path, no)
    elif kind == "function_call_output":
        _check_output(item, path, no)
    elif kind == "reasoning":
        _check_texts(item, ("id",), path, no)
        if not isinstance(item.get("summary"), list):
            raise no.missing(f"{path}.summary")


def _check_texts(item: dict[str, Any], names: tuple[str, ...], path: str, no: Refusals) -> None:
    for name in names:
        if item.get(name) is None:
            raise no.missing(f"{path}.{name}")
        if not isinstance(item[name], str):
            raise no.wrong_type(f"{path}.{name}", "a string", item[name])


def _check_id(item: dict[str, Any], kind: str, path: str, no: Refusals) -> None:
    for name in ("id", "call_id"):
        value = item.get(name)
        if isinstance(value, str) and len(value) > _LONGEST_ID:
            raise no.bad(
                f"Invalid '{path}.{name}': string too long. Expected a string with maximum length "
                f"{_LONGEST_ID}, but got a string with length {len(value)} instead.",
                f"{path}.{name}",
                "string_above_max_length",
            )
        if value == "":
            raise no.bad(
                f"Invalid '{path}.{name}': empty string. Expected a string with minimum length 1, "
                "but got an empty string instead.",
                f"{path}.{name}",
                "empty_string",
            )
    prefix = _PREFIXES.get(kind)
    if "id" not in item or item["id"] is None or prefix is None:
        return
    if not isinstance(item["id"], str) or not item["id"].startswith(f"{prefix}_"):
        raise no.bad(
            f"Invalid '{path}.id': '{item['id']}'. Expected an ID that begins with '{prefix}'.",
            f"{path}.id",
            "invalid_value",
        )


def _check_message(item: dict[str, Any], path: str, no: Refusals) -> None:
    role, content = item.get("role"), item.get("content")
    if role not in _ROLES:
        raise no.wrong_value(f"{path}.role", role, _ROLES)
    if content is None:
        raise no.missing(f"{path}.content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise no.wrong_type(f"{path}.content", "a string or an array of objects", content)
    allowed = _SAID if role == "assistant" else _ASKED
    for at, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in allowed:
            raise no.wrong_value(f"{path}.content[{at}]", kind, allowed)
        field = {"input_text": "text", "output_text": "text", "refusal": "refusal"}.get(str(kind))
        if field is not None and not isinstance(part.get(field), str):
            raise no.missing(f"{path}.content[{at}].{field}")


def _check_output(item: dict[str, Any], path: str, no: Refusals) -> None:
    if not isinstance(item.get("call_id"), str):
        raise no.missing(f"{path}.call_id")
    output = item.get("output")
    if output is None:
        raise no.missing(f"{path}.output")
    if isinstance(output, str):
        return
    if not isinstance(output, list):
        raise no.wrong_type(f"{path}.output", "a string or an array of objects", output)
    for at, part in enumerate(output):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _ASKED:
            raise no.wrong_value(f"{path}.output[{at}]", kind, _ASKED)


def _check_reasoning(items: list[dict[str, Any]], no: Refusals) -> None:
    """Reasoning and what the model did after it go together, in both directions."""
    before: set[str] = set()
    for at, item in enumerate(items):
        kind, item_id = kind_of(item), item.get("id")
        linked = _LINKED.fullmatch(item_id) if isinstance(item_id, str) else None
        if linked is not None and f"rs_{linked[1]}" not in before:
            raise no.bad(
                f"Item '{item_id}' of type '{kind}' was provided without its required 'reasoning' "
                f"item: 'rs_{linked[1]}'.",
                "input",
            )
        if kind == "reasoning":
            before.add(str(item_id))
            following = items[at + 1] if at + 1 < len(items) else {}
            if not _is_output(following):
                raise no.bad(
                    f"Item '{item_id}' of type 'reasoning' was provided without its required "
                    "following item.",
                    "input",
                )


def _is_output(item: dict[str, Any]) -> bool:
    kind = kind_of(item)
    if kind == "message":
        return item.get("role") == "assistant"
    return kind is not None and kind != "function_call_output"


def _check_pairs(items: list[dict[str, Any]], no: Refusals) -> None:
    waiting: dict[str, bool] = {}  # call id -> whether it was answered
    for item in items:
        kind, call_id = kind_of(item), item.get("call_id")
        if kind == "function_call":
            if call_id in waiting:
                raise no.bad(f"Duplicate function call found with call_id {call_id}.", "input")
            waiting[call_id] = False  # type: ignore[index]
        elif kind == "function_call_output":
            if call_id not in waiting:
                raise no.bad(
                    f"No tool call found for function call output with call_id {call_id}.", "input"
                )
            if waiting[call_id]:
                raise no.bad(f"Duplicate output found for function call {call_id}.", "input")
            waiting[call_id] = True
    for call_id, answered in waiting.items():
        if not answered:
            raise no.bad(f"No tool output found for function call {call_id}.", "input")
