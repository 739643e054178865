"""Resource: what a client may read by its URI, and templates of such URIs."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from altar.adm import Blob
from altar.errors import ConfigurationError
from altar.mcp._server_listeners import MAX_URI

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Resource", "Shelf", "contents_of"]

_HOLE = re.compile(r"\{(\+?)([A-Za-z_][A-Za-z0-9_]*)\}")
_DRIVE = re.compile(r"[A-Za-z]:")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.")


@dataclass(frozen=True, slots=True)
class Resource:
    """Something to read: ``Resource("notes://today", read_notes)``.

    ``content`` is the text or the bytes, or a function, sync or async, that
    returns text, bytes, a Blob or JSON. A URI with holes is a template,
    ``notes://{day}``: the function is called with what stands in them, by name
    and decoded. ``{day}`` holds one segment, ``{+path}`` whatever follows; what
    would lead a path out of where it starts is not found.

    Raises ConfigurationError for a URI without a scheme, or a template
    without a function.
    """

    uri: str
    content: str | bytes | Blob | Callable[..., Any]
    name: str = field(default="", kw_only=True)
    title: str | None = field(default=None, kw_only=True)
    description: str | None = field(default=None, kw_only=True)
    mime_type: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if _SCHEME.match(self.uri) is None:
            raise ConfigurationError(
                f"Resource({self.uri!r:.80}): a URI starts with a scheme, as in notes://today"
            )
        rest = _HOLE.sub("", self.uri)
        if "{" in rest or "}" in rest:
            raise ConfigurationError(f"Resource({self.uri!r}): holes are {{name}} or {{+name}}")
        if self.is_template and not callable(self.content):
            raise ConfigurationError(
                f"Resource({self.uri!r}) is a template: give a function that takes "
                f"{', '.join(self.holes)}"
            )

    @property
    def holes(self) -> tuple[str, ...]:
        """The names of the holes of a template."""
        return tuple(match[2] for match in _HOLE.finditer(self.uri))

    @property
    def is_template(self) -> bool:
        """Whether the URI has holes."""
        return _HOLE.search(self.uri) is not None

    def entry(self) -> dict[str, Any]:
        """As MCP lists it."""
        key = "uriTemplate" if self.is_template else "uri"
        made: dict[str, Any] = {key: self.uri, "name": self.name or self.uri}
        told = {
            "title": self.title,
            "description": self.description,
            "mimeType": self.mime_type,
        }
        return made | {word: said for word, said in told.items() if said is not None}


class Shelf:
    """The resources of a server, found by URI."""

    __slots__ = ("_exact", "_patterns", "plain", "templates")

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._exact: dict[str, Resource] = {}
        # the pattern, and the names of the holes that may hold several segments
        self._patterns: list[tuple[re.Pattern[str], frozenset[str], Resource]] = []
        for one in resources:
            if not isinstance(one, Resource):
                raise ConfigurationError(f"resources=[{one!r:.60}]: give altar.mcp.Resource(...)")
            if one.uri in self._exact or any(
                one.uri == other.uri for _, _, other in self._patterns
            ):
                raise ConfigurationError(f"two resources have the URI {one.uri}")
            if one.is_template:
                deep = frozenset(hole[2] for hole in _HOLE.finditer(one.uri) if hole[1])
                self._patterns.append((_pattern(one.uri), deep, one))
            else:
                self._exact[one.uri] = one
        self.plain = [one.entry() for one in self._exact.values()]
        self.templates = [one.entry() for _, _, one in self._patterns]

    def find(self, uri: str) -> tuple[Resource, dict[str, str]] | None:
        """The resource and what stands in the holes; None where there is none of this URI."""
        if len(uri) > MAX_URI:
            return None
        exact = self._exact.get(uri)
        if exact is not None:
            return exact, {}
        for pattern, deep, resource in self._patterns:
            match = pattern.fullmatch(uri)
            if match is not None:
                filled = {name: unquote(text) for name, text in match.groupdict().items()}
                if all(_is_safe(text, name in deep) for name, text in filled.items()):
                    return resource, filled
        return None


def contents_of(resource: Resource, uri: str, value: Any) -> list[dict[str, Any]]:
    """What was read, as MCP tells it; raises TypeError or ValueError for what is no JSON."""
    said: dict[str, Any] = {"uri": uri}
    mime = resource.mime_type
    if isinstance(value, Blob):
        mime, value = mime or value.mime, value.data
    if isinstance(value, bytes | bytearray | memoryview):
        said["mimeType"] = mime or "application/octet-stream"
        said["blob"] = b64encode(value).decode("ascii")
    elif isinstance(value, str):
        said["mimeType"] = mime or "text/plain"
        said["text"] = value
    else:
        said["mimeType"] = mime or "application/json"
        said["text"] = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return [said]


def _pattern(uri: str) -> re.Pattern[str]:
    parts, at = [], 0
    for hole in _HOLE.finditer(uri):
        parts.append(re.escape(uri[at : hole.start()]))
        at = hole.end()
        after = uri[at : at + 1]
        if hole[1]:
            inside = ".+"
        elif after and after not in "/?#{":
            # up to the first place where the text after it stands, and never tried again:
            # a URI must not take time that grows with the square of its length
            literal = re.escape(uri[at:].partition("{")[0])
            last = "" if "{" in uri[at:] else r"\Z"
            inside = f"(?>[^/?#]+?(?={literal}{last}))"
        else:
            inside = "(?>[^/?#]+)" if after != "{" else "[^/?#]+"
        parts.append(f"(?P<{hole[2]}>{inside})")
    parts.append(re.escape(uri[at:]))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as error:
        raise ConfigurationError(f"Resource({uri!r}): {error}") from error


def _is_safe(text: str, is_deep: bool) -> bool:
    """No hole leads out of where it stands: functions make paths of what they get."""
    steps = text.replace("\\", "/").split("/")
    if not is_deep and len(steps) > 1:
        return False  # a slash that came encoded
    is_absolute = steps[0] == "" or _DRIVE.match(text) is not None
    return not is_absolute and ".." not in steps and "\0" not in text
