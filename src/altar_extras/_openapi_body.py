"""Request bodies: JSON, forms, files, bytes and text, from the arguments of a call."""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from altar_extras._openapi_answer import is_json, is_text
from altar_extras._openapi_params import refuse, refuse_fields, scalar, style_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FILE", "Body", "Field", "encoded", "kind_of_body"]

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_FORM, _PARTS = "application/x-www-form-urlencoded", "multipart/form-data"
FILE: dict[str, Any] = {
    "description": "A file: its bytes as base64 text, or an object with its media type and name.",
    "anyOf": [
        {"type": "string", "contentEncoding": "base64"},
        {
            "type": "object",
            "properties": {
                "data": {"type": "string", "contentEncoding": "base64"},
                "mime": {"type": "string"},
                "filename": {"type": "string"},
            },
            "required": ["data"],
            "additionalProperties": False,
        },
    ],
}


class Field(NamedTuple):
    """How one field of a form is written; ``style`` is "" where the document says nothing."""

    is_file: bool = False
    content_type: str = ""
    style: str = ""
    explode: bool = True
    reserved: bool = False


class Body(NamedTuple):
    """The body of an operation.

    ``argument`` names the one that is the body; with "" the body is an object
    of the arguments in ``names`` (None: of all of them). ``kind`` is "json",
    "form", "multipart", "text" or "bytes".
    """

    kind: str
    media_type: str
    argument: str
    names: tuple[str, ...] | None
    required: bool
    fields: Mapping[str, Field]

    def value(self, args: dict[str, Any]) -> tuple[bool, Any]:
        """Whether a call has a body, and what it says."""
        if self.argument:
            return self.argument in args, args.get(self.argument)
        names = args if self.names is None else self.names
        found = {name: args[name] for name in names if name in args}
        return bool(found) or self.required, found


def kind_of_body(media_type: str) -> str:
    """The kind of a body of this media type, as :class:`Body` names them."""
    plain = media_type.partition(";")[0].strip().lower()
    if is_json(plain) or plain in ("*/*", "application/*"):
        return "json"
    if plain in (_FORM, _PARTS):
        return "form" if plain == _FORM else "multipart"
    return "text" if is_text(plain) else "bytes"


def encoded(body: Body, value: Any) -> tuple[bytes, str]:
    """The bytes of a body and their Content-Type. Raises ToolError for what it cannot say."""
    at = body.argument
    if body.kind == "json":
        text = _compact(value)
        media = "application/json" if "*" in body.media_type else body.media_type
        return text.encode("utf-8", "replace"), media
    if body.kind == "text":
        media = body.media_type
        media = media if "charset" in media.lower() else f"{media}; charset=utf-8"
        return scalar(value).encode("utf-8", "replace"), media
    if body.kind == "bytes":
        data, mime, _ = _file(value, at)
        return data, mime or body.media_type.replace("*/*", "application/octet-stream")
    if not isinstance(value, dict):
        refuse(at, "an object", "another value")
    if body.kind == "form":
        return "&".join(_pairs(body, value)).encode("ascii"), _FORM
    return _multipart(body, value)


def _pairs(body: Body, value: dict[str, Any]) -> list[str]:
    pairs: list[str] = []
    for name, item in value.items():
        field = body.fields.get(name, Field())
        if item is None:
            continue
        # without a style an object is application/json
        as_json = is_json(field.content_type) or (not field.style and isinstance(item, dict))
        if isinstance(item, dict) and not as_json and field.explode and field.style != "deepObject":
            beside = {other.lower() for other in (*body.fields, *value) if other != name}
            refuse_fields(name, item.keys() - {name}, beside, "")
        pairs += style_pairs(
            name,
            _compact(item) if as_json else item,
            style=field.style or "form",
            explode=field.explode,
            reserved=field.reserved,
            argument=name,
        )
    return pairs


def _multipart(body: Body, value: dict[str, Any]) -> tuple[bytes, str]:
    boundary = uuid4().hex
    out = bytearray()
    for name, items in value.items():
        field = body.fields.get(name, Field())
        for item in items if isinstance(items, list) else [items]:
            if item is not None:
                _part(out, boundary, name, item, field)
    out += f"--{boundary}--\r\n".encode("ascii")
    return bytes(out), f"{_PARTS}; boundary={boundary}"


def _part(out: bytearray, boundary: str, name: str, item: Any, field: Field) -> None:
    media, filename = field.content_type, None
    if field.is_file:
        data, mime, filename = _file(item, name)
        media = mime or media or "application/octet-stream"
        filename = filename or name
    else:
        text = _compact(item) if is_json(media) else scalar(item)
        data = text.encode("utf-8", "replace")
        if not media and not isinstance(item, str):
            media = "application/json" if isinstance(item, dict) else "text/plain"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
    if filename is not None:
        head += f'; filename="{_quoted(filename)}"'
    if media:
        if not (media.isascii() and media.isprintable()):
            refuse(name, "a media type in printable ASCII", "other characters")
        head += f"\r\nContent-Type: {media}"
    out += f"{head}\r\n\r\n".encode("utf-8", "replace") + data + b"\r\n"


def _quoted(text: str) -> str:
    """A name in a part's head, with what could end it escaped as browsers do."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _file(value: Any, argument: str) -> tuple[bytes, str, str | None]:
    """The bytes of a file, its media type and its name, where they were said."""
    given = value if isinstance(value, dict) else {"data": value}
    text = given.get("data")
    try:
        data = b64decode("".join(str(text).split()), validate=True)
    except (Base64Error, ValueError):
        return refuse(argument, "base64 text", "a text that is no base64")  # type: ignore[no-any-return]
    mime = given.get("mime") or ""
    if not (mime.isascii() and mime.isprintable()):
        refuse(argument, "a media type in printable ASCII", "other characters")
    return data, mime, given.get("filename")
