"""Values that are no JSON: altar's blobs and LangChain's content blocks, each as the other."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Any

from altar import Blob
from altar.adm import dumps
from altar.bridge import model_text
from altar.errors import InvalidDataError

if TYPE_CHECKING:
    from altar.adm import ToolResult

__all__ = ["blocks_of", "value_of"]

_KINDS = ("image", "audio", "video")


def blocks_of(result: ToolResult) -> str | list[str | dict[str, Any]]:
    """The content of a message: text as it is, blobs as blocks, the rest as JSON text."""
    value, content = result.value, result.content
    if content.__class__ is str:
        return str(content)
    if value.__class__ is Blob:
        return [_block(value)]
    if value.__class__ in (list, tuple) and any(item.__class__ is Blob for item in value):
        pairs = zip(value, content, strict=False)
        return [_block(item) if item.__class__ is Blob else _text(said) for item, said in pairs]
    return model_text(result)


def value_of(content: Any) -> Any:
    """What a tool of LangChain returned, as one of altar's may: data in blocks become blobs."""
    if not isinstance(content, (list, tuple)):
        return content
    made = [_blob(item) for item in content]
    if not any(item.__class__ is Blob for item in made):
        return content
    return [item["text"] if _is_text(item) else item for item in made]


def _block(blob: Blob) -> dict[str, Any]:
    kind = blob.mime.partition("/")[0]
    doc = blob.to_dict()
    return {
        "type": kind if kind in _KINDS else "file",
        "base64": doc["data"],
        "mime_type": blob.mime,
    }


def _text(said: Any) -> dict[str, Any]:
    return {"type": "text", "text": said if isinstance(said, str) else dumps(said)}


def _is_text(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "text" and "text" in item


def _blob(item: Any) -> Any:
    """A block with its data in it as a Blob; anything else as it is."""
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        return item
    mime, data = item.get("mime_type"), item.get("base64")
    if item.get("source_type") == "base64":  # LangChain before 1.0
        data = item.get("data")
    source = item.get("source")
    if isinstance(source, dict) and source.get("type") == "base64":  # Anthropic's form
        mime, data = source.get("media_type"), source.get("data")
    url = item.get("image_url")
    url = url.get("url") if isinstance(url, dict) else url
    if isinstance(url, str) and url.startswith("data:"):  # OpenAI's form
        head, _, data = url[5:].partition(",")
        mime = head.removesuffix(";base64")
    if not isinstance(mime, str) or not isinstance(data, str):
        return item
    try:
        return Blob(mime, b64decode(data, validate=True))
    except (Base64Error, ValueError, InvalidDataError):
        return item
