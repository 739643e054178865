"""Operations: one request each, as their document describes them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.bridge import Effects
from altar.errors import ConfigurationError
from altar_extras._openapi_answer import is_json, is_text, result_of
from altar_extras._openapi_auth import Veil, sign
from altar_extras._openapi_body import encoded
from altar_extras._openapi_http import Request
from altar_extras._openapi_library import UncarriedError, a_mapping, short
from altar_extras._openapi_line import Watch
from altar_extras._openapi_params import Target, refuse, write
from altar_extras._openapi_schema import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar import Context
    from altar_extras._openapi_arguments import Arguments
    from altar_extras._openapi_auth import Scheme, Secrets
    from altar_extras._openapi_http import Http
    from altar_extras._openapi_library import Library
    from altar_extras._openapi_schema import Schemas
    from altar_extras._openapi_servers import Place

__all__ = [
    "METHODS",
    "Found",
    "Operation",
    "Select",
    "described",
    "effects_of",
    "found_in",
    "returns_of",
]

METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "POST", "PATCH", "DELETE")
_READS = ("GET", "HEAD", "OPTIONS", "TRACE")
_MOST_RETURNS = 40_000  # characters of a result's schema; a longer one is left out
_TEMPLATE = re.compile(r"\{([^{}]*)\}")
_FIELDS = ("x_destructive", "x_idempotent", "x_read_only", "x_requires_approval")


class Select(NamedTuple):
    """Which operations become tools: those that one entry of each list that is given names.

    ``paths`` may have ``*`` for anything: "/pets*". ``ids`` are operationIds.
    """

    tags: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    def takes(self, found: Found) -> bool:
        """Whether this operation is among them."""
        tags, name = found.value.get("tags"), found.value.get("operationId")
        return (
            (
                not self.tags
                or (isinstance(tags, list) and any(one in list(self.tags) for one in tags))
            )
            and (not self.ids or name in list(self.ids))
            and (not self.paths or any(fnmatchcase(found.path, one) for one in self.paths))
            and (not self.methods or found.method in [one.upper() for one in self.methods])
        )

    def check(self) -> None:
        """Raise ConfigurationError for a list that is none."""
        for name, given in self._asdict().items():
            if isinstance(given, str) or not all(isinstance(one, str) for one in given):
                raise ConfigurationError(
                    f"Select({name}={given!r:.60}): give a list of texts; type "
                    f"Select({name}=({str(given)[:40]!r},))"
                )


class Found(NamedTuple):
    """An operation in its document: ``item`` is the path's own object, ``base`` its document."""

    method: str
    path: str
    value: dict[str, Any]
    item: dict[str, Any]
    base: str

    @property
    def shown(self) -> str:
        """Its method and path, for messages."""
        return f"{self.method} {self.path}"[:120]


class Operation:
    """A request that can be sent: ``call`` takes the arguments of a tool's call."""

    __slots__ = (
        "_arguments",
        "_found",
        "_http",
        "_most",
        "_place",
        "_seconds",
        "_secrets",
        "_taken",
        "_ways",
    )

    def __init__(  # noqa: PLR0913 - the parts of an operation
        self,
        found: Found,
        arguments: Arguments,
        place: Place,
        ways: tuple[tuple[Scheme, ...], ...],
        *,
        secrets: Secrets,
        http: Http,
        seconds: float,
        most: int,
    ) -> None:
        known = {one.name for one in arguments.parameters if one.place == "path"}
        for name in _TEMPLATE.findall(found.path):
            if name not in known:
                raise UncarriedError(f"the path parameter {short(name)} is not declared")
        self._found = found
        self._arguments = arguments
        self._place = place
        self._ways = ways
        self._secrets = secrets
        self._http = http
        self._seconds = seconds
        self._most = most
        self._taken = {f"{one.place} {one.name.lower()}" for one in arguments.parameters} | {
            f"{scheme.kind} {scheme.field.lower()}" for way in ways for scheme in way
        }

    def call(self, args: dict[str, Any], context: Context[Any]) -> Any:
        """Send the request, and the answer's value; raises ToolError for whatever else comes."""
        veil = Veil()
        request = self._request(args, veil)
        deadline = monotonic() + self._seconds
        if context.deadline is not None:
            deadline = min(deadline, context.deadline)
        watch = Watch(deadline, lambda: context.cancelled)
        answer = self._http.send(request, watch, self._most)
        headers = {veil.over(k): veil.over(v) for k, v in answer.headers.items()}
        answer = answer._replace(headers=headers)
        return result_of(answer, self._found.shown, self._found.method, veil)

    def _request(self, args: dict[str, Any], veil: Veil) -> Request:
        target = Target({}, [], {}, [])
        for parameter in self._arguments.parameters:
            if parameter.argument in args:
                write(parameter, args[parameter.argument], target, self._taken)
        headers = {"Accept": "application/json, */*;q=0.5", "User-Agent": "altar"}
        body, layout = None, self._arguments.body
        if layout is not None:
            has, value = layout.value(args)
            if has:
                body, headers["Content-Type"] = encoded(layout, value)
        sign(self._ways, self._secrets, target, veil)
        if any(name.lower() == "user-agent" for name in target.headers):
            del headers["User-Agent"]
        headers.update(target.headers)
        if target.cookies:
            headers["Cookie"] = "; ".join(target.cookies)
        path = self._path(target.path)
        query = f"?{'&'.join(target.query)}" if target.query else ""
        return Request(
            self._place, self._found.method, path + query, headers, body, self._found.shown
        )

    def _path(self, values: dict[str, str]) -> str:
        """The path, filled in. A value never makes a segment that leads elsewhere."""
        segments = []
        for segment in self._found.path.split("/"):
            made = _TEMPLATE.sub(lambda match: values[match[1]], segment)
            if made != segment and made in ("", ".", ".."):
                refuse(_TEMPLATE.findall(segment)[0], "a value other than '.' and '..'", repr(made))
            segments.append(made)
        return self._place.path + "/".join(segments)


def found_in(document: dict[str, Any], library: Library) -> Iterator[Found | tuple[str, str]]:
    """Every operation of a document; in place of one that cannot be read its name, and why."""
    paths = a_mapping(document.get("paths"), "paths")
    for path, given in paths.items():
        try:
            if path.startswith("x-"):
                continue
            if not path.startswith("/") or not _is_plain(path):
                raise UncarriedError("a path that is no path")
            item, base = library.resolved(given, "", "the path")
        except UncarriedError as error:
            yield path[:120], str(error)
            continue
        for method in METHODS:
            value = item.get(method.lower())
            if isinstance(value, dict):
                yield Found(method, path, value, item, base)
            elif value is not None:
                yield f"{method} {path}"[:120], "the operation is no object"


def _is_plain(path: str) -> bool:
    """Whether a path can stand in a request as it is, once its templates are filled in."""
    plain = _TEMPLATE.sub("", path)
    segments = path.split("/")
    return (
        plain.isascii()
        and plain.isprintable()
        and not any(c in plain for c in ' ?#{}<>"\\^`|')
        and not any(segment in (".", "..") for segment in segments)
        and not path.startswith("//")
    )


def effects_of(found: Found, approve: str | None) -> Effects:
    """What calls of an operation do, by its method and what the document adds to that."""
    method = found.method
    said = {name: found.value.get(name, found.value.get(_dashed(name))) is True for name in _FIELDS}
    reads = method in _READS
    destructive = method == "DELETE" or said["x_destructive"]
    asks = {None: False, "destructive": destructive, "writes": not reads}
    return Effects(
        read_only=reads and not destructive,
        destructive=destructive,
        idempotent=reads or method in ("PUT", "DELETE") or said["x_idempotent"],
        approval=asks[approve] or said["x_requires_approval"],
    )


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def returns_of(
    found: Found, library: Library, schemas: Schemas
) -> tuple[dict[str, Any] | None, str]:
    """The schema of what a call returns, by its answers of 2xx, on stubs, and its ``$defs``.

    None where they do not say, or say more than a model would read.
    """
    branches: list[Any] = []
    needs: set[str] = set()
    responses = a_mapping(found.value.get("responses"), "responses")
    for status, given in responses.items():
        if not (len(status) == 3 and status[0] == "2"):
            continue
        response, base = library.resolved(given, found.base, f"the response {short(status)}")
        content = a_mapping(response.get("content"), f"the content of the response {status}")
        made: Any = {"type": "null"}
        for media_type, media in content.items():
            plain = media_type.partition(";")[0].strip().lower()
            if is_json(plain):
                said = a_mapping(media, f"the content {short(media_type)}")
                made, more = schemas.convert(said.get("schema", {}), base, "response")
                needs |= more
                break
            made = {"type": "string"} if is_text(plain) else True
        if made not in branches:
            branches.append(made)
    if not branches or found.method == "HEAD" or True in branches or {} in branches:
        return None, ""
    whole = branches[0] if len(branches) == 1 else {"anyOf": branches}
    try:
        definitions = schemas.definitions(needs, "response")
    except TooLargeError:
        return None, ""
    if len(definitions) > _MOST_RETURNS:
        return None, ""
    return schemas.stubs(whole, needs), definitions


def described(found: Found) -> str:
    """The summary and the description, in one text."""
    texts = [found.value.get(name) for name in ("summary", "description")]
    if not any(isinstance(one, str) and one.strip() for one in texts):
        texts = [found.item.get(name) for name in ("summary", "description")]
    plain = [one.strip() for one in texts if isinstance(one, str) and one.strip()]
    if len(plain) == 2 and plain[1].startswith(plain[0]):
        plain = plain[1:]
    text = "\n\n".join(plain)
    if found.value.get("deprecated") is True:
        text = f"Deprecated. {text}"
    return text.strip() or found.shown
