"""Values that are no JSON: altar's blobs and pydantic-ai's files, each as the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_ai.messages import BinaryContent, ToolReturn

from altar import Blob

if TYPE_CHECKING:
    from altar.adm import ToolResult

__all__ = ["content_of", "value_of"]


def content_of(result: ToolResult) -> Any:
    """The content of a result; blobs, alone or in a list, as the framework's files."""
    value, content = result.value, result.content
    kind = value.__class__
    if kind is Blob:
        return _file(value)
    if (kind is list or kind is tuple) and any(item.__class__ is Blob for item in value):
        pairs = zip(value, content, strict=False)
        return [_file(item) if item.__class__ is Blob else plain for item, plain in pairs]
    return content


def value_of(returned: Any) -> Any:
    """What a tool of the framework returned, as one of altar's may return it.

    Files become blobs. What a ToolReturn says to the model beside its value
    stands behind it in a list; its metadata is the application's, and left out.
    """
    if isinstance(returned, ToolReturn):
        beside = returned.content
        if beside is None:
            return value_of(returned.return_value)
        said = [beside] if isinstance(beside, str) else list(beside)
        return [value_of(returned.return_value), *map(value_of, said)]
    if isinstance(returned, BinaryContent):
        return Blob(returned.media_type, returned.data)
    if returned.__class__ in (list, tuple):
        return [value_of(item) for item in returned]
    return returned


def _file(blob: Blob) -> BinaryContent:
    return BinaryContent(data=blob.data, media_type=blob.mime)
