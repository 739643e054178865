"""import_tools: the operations of OpenAPI documents as altar tools."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import legal_name
from altar.bridge import Importer, Refused
from altar.errors import ConfigurationError, ToolError
from altar_extras._openapi_arguments import Arguments
from altar_extras._openapi_auth import Secrets, schemes_of
from altar_extras._openapi_document import Document, Source, is_url, load
from altar_extras._openapi_http import Http, Request
from altar_extras._openapi_library import Library, UncarriedError, a_mapping, short
from altar_extras._openapi_line import Watch
from altar_extras._openapi_operations import (
    Found,
    Operation,
    Select,
    described,
    effects_of,
    found_in,
    returns_of,
)
from altar_extras._openapi_schema import Schemas, compact, completed
from altar_extras._openapi_servers import Hosts, Place, Server, place_of, server_url

if TYPE_CHECKING:
    from altar.later import SchemaTool

__all__ = ["Limits", "import_tools"]

_APPROVALS = (None, "destructive", "writes")
_LONGEST = 10_000
_MOST_TEXT = 100_000_000  # characters of all definitions: what operations share counts in each
_SAID = ("read_only", "destructive", "idempotent")


class Limits(NamedTuple):
    """Bounds: ``timeout`` in seconds for one call, sizes in bytes, ``operations`` per document."""

    timeout: float = 30.0
    response_bytes: int = 4 * 1024 * 1024
    document_bytes: int = 16 * 1024 * 1024
    operations: int = 5_000

    def check(self) -> None:
        """Raise ConfigurationError for a bound that is none."""
        for name, value in self._asdict().items():
            whole = name == "timeout" or isinstance(value, int)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and whole and 0 < value < float("inf")):
                raise ConfigurationError(
                    f"Limits({name}={value!r:.60}): give a number above zero; type "
                    f"Limits({name}={Limits._field_defaults[name]})"
                )


def import_tools(
    *documents: Any,
    server: Server | str | None = None,
    secrets: Any = None,
    select: Select | None = None,
    approve: str | None = None,
    skip: bool | Callable[[Refused], object] = False,
    limits: Limits | None = None,
) -> list[SchemaTool]:
    """The operations of OpenAPI 3.0 and 3.1 documents as tools for ``Session(tools=...)``.

    A document is a dict, JSON or YAML text, a path, an http(s) URL, or a
    :class:`Document`. ``server`` is a base URL, or a :class:`Server`, in place
    of what the documents say. ``secrets`` maps the names of security schemes to
    keys, tokens, (user, password) or functions that give one; or is a function
    of a name. ``select`` chooses operations. ``approve`` says which calls wait
    for a person: those that are "destructive" (DELETE), all "writes", or None.
    ``skip`` leaves out what cannot be carried: True, or a function that is
    called with each (name, reason).

    Raises ConfigurationError for a document that cannot be read and for a bad
    option, DeclarationError with every operation that cannot be carried.
    """
    options = _Options(server, secrets, select, approve, skip, limits)
    importer = Importer("OpenAPI")
    known: set[str] = set()
    seen: set[str] = set()
    for given in documents:
        document = given if isinstance(given, Document) else Document(given)
        one = _Imported(document, options, importer, seen)
        one.run()
        known |= one.schemes
    if missing := options.secrets.names - known:
        raise ConfigurationError(
            f"import_tools(secrets={{{min(missing)!r}: ...}}): the documents have no such security "
            f"scheme; they have {', '.join(map(repr, sorted(known))) or 'none'}"
        )
    if not skip:
        return importer.tools()
    if callable(skip):
        for refused in importer.refused:
            skip(refused)
    return importer.accepted()


class _Options:
    """The options of :func:`import_tools`, checked."""

    def __init__(
        self, server: Any, secrets: Any, select: Any, approve: Any, skip: Any, limits: Any
    ) -> None:
        self.server = Server(server) if isinstance(server, str) else server or Server()
        self.select = Select() if select is None else select
        self.limits = Limits() if limits is None else limits
        for name, value, cls in (
            ("server", self.server, Server),
            ("select", self.select, Select),
            ("limits", self.limits, Limits),
        ):
            if not isinstance(value, cls):
                raise ConfigurationError(
                    f"import_tools({name}={value!r:.60}): give a {cls.__name__}; type "
                    f"from altar_extras.openapi import {cls.__name__}"
                )
        self.select.check()
        self.limits.check()
        if approve not in _APPROVALS:
            raise ConfigurationError(
                f"import_tools(approve={approve!r:.60}): give 'destructive', 'writes' or None"
            )
        if not isinstance(skip, bool) and not callable(skip):
            raise ConfigurationError(
                f"import_tools(skip={skip!r:.60}): give True, False, or a function of what was "
                "left out, such as left_out.append"
            )
        self.approve = approve
        self.secrets = Secrets(secrets)
        self.http = Http()


class _Imported:
    """The import of one document."""

    def __init__(
        self, document: Document, options: _Options, importer: Importer, seen: set[str]
    ) -> None:
        self._options = options
        self._importer = importer
        self._seen = seen
        self._places: dict[str, Place] = {}
        self._source = self._load(document.source)
        self._root = self._source.value
        self._url = document.url or self._source.url
        version = self._root.get("openapi")
        if not isinstance(version, str) or version[:4] not in ("3.0.", "3.1."):
            raise ConfigurationError(f"{self._source.where} {_not_ours(self._root)}")
        references = {uri: self._load(one).value for uri, one in document.references.items()}
        self._library = Library(self._root, references)
        self._schemas = Schemas(self._library, old=version.startswith("3.0"))
        server = options.server
        # with hosts= those are all, and the document's own is none of them
        own = self._url if server.hosts is None else None
        self._hosts = Hosts(server.hosts, (server.url, own))
        self.schemes: set[str] = set()
        self._total = 0

    def run(self) -> None:
        """Every chosen operation, into the importer."""
        try:
            components = a_mapping(self._root.get("components"), "components")
            self._known = a_mapping(components.get("securitySchemes"), "securitySchemes")
            self.schemes = set(self._known)
            everything = list(self._bounded(found_in(self._root, self._library)))
            chosen = [
                found
                for found in everything
                if not isinstance(found, Found) or self._options.select.takes(found)
            ]
            if self._options.server.url is not None or "servers" in self._root:
                self._place(self._root.get("servers"))
        except UncarriedError as error:
            raise ConfigurationError(f"{self._source.where}: {error}") from None
        is_none = not any(isinstance(found, Found) for found in chosen)
        if everything and is_none and self._options.select != Select():
            raise ConfigurationError(
                f"{self._source.where}: none of its {len(everything)} operations is one of "
                f"{self._options.select}"
            )
        for found in chosen:
            if not isinstance(found, Found):
                self._importer.refused.append(Refused(*found))
                continue
            try:
                self._add(found)
            except (UncarriedError, RecursionError) as error:
                why = str(error) if isinstance(error, UncarriedError) else "it is nested too deeply"
                self._importer.refused.append(Refused(found.shown, why))

    def _add(self, found: Found) -> None:
        """One operation, into the importer; raises UncarriedError."""
        arguments, operation = self._operation(found)
        definitions = self._schemas.definitions(arguments.needs, "request")
        returns, more = returns_of(found, self._library, self._schemas)
        parameters = arguments.schema()
        self._total += len(definitions) + len(more) + len(compact([parameters, returns]))
        if self._total > _MOST_TEXT:
            raise UncarriedError(f"the schemas so far have more than {_MOST_TEXT} characters")
        effects = effects_of(found, self._options.approve)
        before = len(self._importer.refused)
        tool = self._importer.add(
            self._name(found),
            operation.call,
            description=described(found)[:_LONGEST],
            parameters=parameters,
            returns=returns,
            options=effects.options(),
            extensions={
                "x_openapi": {"method": found.method, "path": found.path},
                # what the options say as well: said here, the declaration is made once
                **{f"x_{word}": True for word in _SAID if getattr(effects, word)},
                **({"x_requires_approval": True} if effects.approval else {}),
            },
        )
        if tool is not None and (definitions or more):
            tool.declaration = completed(tool.declaration, definitions, more)
        for at in range(before, len(self._importer.refused)):
            refused = self._importer.refused[at]
            reason = f"operation {refused.name!r:.80}: {refused.reason}"
            self._importer.refused[at] = Refused(found.shown, reason)

    def _operation(self, found: Found) -> tuple[Arguments, Operation]:
        """What a call takes, and what it sends."""
        options, root = self._options, self._root
        servers = found.item.get("servers", root.get("servers"))
        place = self._place(found.value.get("servers", servers))
        security = found.value.get("security", root.get("security"))
        ways = schemes_of(security, self._known, self._library, options.secrets)
        hidden = {
            f"{one.kind} {one.field.lower() if one.kind == 'header' else one.field}"
            for way in ways
            for one in way
        }
        groups = [(one.get("parameters"), found.base) for one in (found.item, found.value)]
        arguments = Arguments(self._library, self._schemas)
        arguments.add_parameters(groups, hidden)
        arguments.add_body(found.value.get("requestBody"), found.base)
        operation = Operation(
            found,
            arguments,
            place,
            ways,
            secrets=options.secrets,
            http=options.http,
            seconds=options.limits.timeout,
            most=options.limits.response_bytes,
        )
        return arguments, operation

    def _place(self, servers: Any) -> Place:
        """Where an operation's requests go."""
        server = self._options.server
        url = server_url(servers, server.variables) if server.url is None else server.url
        if url not in self._places:
            self._places[url] = place_of(url, self._url, self._hosts)
        return self._places[url]

    def _name(self, found: Found) -> str:
        """A name that no other operation has: operationId, or method and path."""
        given = found.value.get("operationId")
        path = "_".join("".join(c if c.isalnum() else " " for c in found.path).split())
        plain = f"{found.method.lower()}_{path}".rstrip("_")
        name = given if isinstance(given, str) and given.strip() else plain
        if name in self._seen:
            name = legal_name(plain, self._seen)
        self._seen.add(name)
        return name

    def _bounded(self, found: Iterable[Any]) -> Iterable[Any]:
        most = self._options.limits.operations
        for count, one in enumerate(found):
            if count >= most:
                raise UncarriedError(
                    f"it has more than {most} operations; type Limits(operations=...)"
                )
            yield one

    def _load(self, source: Any) -> Source:
        largest = self._options.limits.document_bytes
        if not is_url(source):
            return load(source, largest=largest)
        return load(source, largest=largest, fetched=self._fetch(source.strip()))

    def _fetch(self, url: str) -> bytes:
        """The text behind a URL, which the caller named: it may be anywhere."""
        base, query = url.partition("#")[0].partition("?")[::2]
        try:
            place = place_of(base, None, Hosts(self._options.server.hosts, (url,)))
        except UncarriedError as error:
            raise ConfigurationError(f"import_tools({base[:200]!r}): {error}") from None
        headers = {"Accept": "application/json, application/yaml, */*;q=0.5", "User-Agent": "altar"}
        target = (place.path or "/") + (f"?{query}" if query else "")
        shown = f"the OpenAPI document at {place.origin}{place.path}"[:200]
        limits = self._options.limits
        watch = Watch(monotonic() + limits.timeout, lambda: False)
        request = Request(place, "GET", target, headers, None, shown)
        try:
            answer = self._options.http.send(request, watch, limits.document_bytes)
        except ToolError as error:
            raise ConfigurationError(error.message) from None
        if answer.status != 200:
            raise ConfigurationError(f"{shown} cannot be read: the server answered {answer.status}")
        return answer.body


def _not_ours(document: dict[str, Any]) -> str:
    if "swagger" in document:
        return f"is of Swagger {str(document['swagger'])[:10]}: convert it to OpenAPI 3 first"
    version = document.get("openapi")
    told = short(version) if isinstance(version, str) else "nothing that is a text"
    return f"is not of OpenAPI 3.0 or 3.1: its field openapi says {told}"
