"""Core: what the server answers to each request, decided without any I/O.

Every request is answered by a generator: it yields what it needs from outside
and returns the result. Both eras take the same way; a Caller says which it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm import FunctionCall, ToolResult
from altar.errors import ErrorType
from altar.later._incoming import as_call
from altar.mcp._elicit import Inquiry
from altar.mcp._jsonrpc import (
    BUSY,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    RESOURCE_NOT_FOUND,
    RpcError,
)
from altar.mcp._prompts import Prompts
from altar.mcp._resources import Shelf, contents_of
from altar.mcp._server_listeners import MAX_URI, MAX_URIS, Listeners
from altar.mcp._server_needs import AnsweredError, Ask, Invoke, Need, Run, Stream
from altar.mcp._server_peer import Caller, caller_of, can_elicit
from altar.mcp._server_questions import APPROVAL, ELICIT, Asker, Questions, allow, denied, is_yes
from altar.mcp._server_threads import Threads
from altar.mcp._server_tools import Catalog, call_result
from altar.mcp._versions import HANDSHAKE_VERSIONS, LATEST_HANDSHAKE, VERSIONS
from altar.mcp._words import SERVER_INFO_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from altar.later import Session
    from altar.mcp._jsonrpc import Request
    from altar.mcp._server_needs import Steps
    from altar.mcp._server_options import ServerOptions
    from altar.mcp._server_peer import Peer

__all__ = ["Core"]

_BOTH = frozenset(
    {
        "completion/complete",
        "prompts/get",
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/templates/list",
        "tools/call",
        "tools/list",
    }
)
_HANDSHAKE = _BOTH | {"ping", "resources/subscribe", "resources/unsubscribe"}
_MODERN = _BOTH | {"server/discover", "subscriptions/listen"}


class Core:
    """Everything one server says, for any number of peers."""

    def __init__(
        self,
        info: dict[str, Any],
        prompts: Prompts | None,
        shelf: Shelf | None,
        options: ServerOptions,
    ) -> None:
        self.info = info
        self.options = options
        self.prompts = prompts
        self.shelf = shelf
        self.listeners = Listeners()
        self.threads = Threads()
        self._questions = Questions()
        self._catalogs: dict[int, tuple[Session, Catalog]] = {}
        self._answers: dict[str, Callable[[Caller, Request], dict[str, Any]]] = {
            "completion/complete": self._complete,
            "ping": self._ping,
            "prompts/list": self._list_prompts,
            "resources/list": self._list_resources,
            "resources/subscribe": self._subscribe,
            "resources/templates/list": self._list_templates,
            "resources/unsubscribe": self._unsubscribe,
            "server/discover": self._discover,
            "tools/list": self._list_tools,
        }
        self._works: dict[str, Callable[[Caller, Request], Steps]] = {
            "prompts/get": self._get_prompt,
            "resources/read": self._read_resource,
            "subscriptions/listen": self._listen,
            "tools/call": self._call_tool,
        }

    def steps(self, peer: Peer, request: Request) -> Steps:
        """The answer to one request; raises RpcError where it is refused."""
        method = request.method
        if method == "initialize":
            return self._initialize(peer, request)
        if method == "ping" and peer.version is None and "_meta" not in request.params:
            return {}  # allowed before a handshake
        caller = caller_of(peer, request)
        if method not in (_MODERN if caller.modern else _HANDSHAKE):
            raise RpcError(METHOD_NOT_FOUND, f"Method not found: {method:.200}")
        works = self._works.get(method)
        if works is not None:
            result = yield from works(caller, request)
        else:
            result = self._answers[method](caller, request)
        if caller.modern:
            result.setdefault("resultType", "complete")
        return result

    def capabilities(self) -> dict[str, Any]:
        """What this server can do, as it says in the handshake and in server/discover."""
        said: dict[str, Any] = {"tools": {"listChanged": True}}
        if self.prompts is not None:
            said["prompts"] = {"listChanged": False}
            said["completions"] = {}
        if self.shelf is not None:
            said["resources"] = {"listChanged": False, "subscribe": True}
        return said

    def catalog(self, session: Session) -> Catalog:
        """The tools of a session, as they are listed."""
        known = self._catalogs.get(id(session))
        if known is None:
            known = self._catalogs[id(session)] = (
                session,
                Catalog(session, self.tools_changed),
            )
        return known[1]

    def tools_changed(self) -> None:
        """Tell everybody who listens that there are other tools now."""
        self._tell("notifications/tools/list_changed", "toolsListChanged", {})

    def resource_updated(self, uri: str) -> None:
        """Tell those who listen to this resource that it reads differently now."""
        self._tell("notifications/resources/updated", "resourceSubscriptions", {"uri": uri})

    def _tell(self, method: str, key: str, params: dict[str, Any]) -> None:
        self.listeners.tell(method, key, params)

    def forget(self, session: Session) -> None:
        """A session has ended."""
        self._catalogs.pop(id(session), None)

    # -- the handshake, and what stands in its place ----------------------------------

    def _initialize(self, peer: Peer, request: Request) -> dict[str, Any]:
        params = request.params
        version = params.get("protocolVersion")
        if type(version) is not str:
            raise RpcError(INVALID_PARAMS, "initialize: protocolVersion must be a text")
        if peer.version is not None:
            raise RpcError(INVALID_PARAMS, "initialize: this connection has had its handshake")
        # of all that a client tells of itself, only what is asked for later is kept
        peer.capabilities = {"elicitation": {}} if can_elicit(params.get("capabilities")) else {}
        peer.version = version if version in HANDSHAKE_VERSIONS else LATEST_HANDSHAKE
        said = {
            "protocolVersion": peer.version,
            "capabilities": self.capabilities(),
            "serverInfo": self.info,
        }
        if self.options.instructions is not None:
            said["instructions"] = self.options.instructions
        return said

    def _discover(self, caller: Caller, request: Request) -> dict[str, Any]:
        said = {
            "supportedVersions": [*VERSIONS],
            "capabilities": self.capabilities(),
            "_meta": {SERVER_INFO_KEY: self.info},
            **self._cached(),
        }
        if self.options.instructions is not None:
            said["instructions"] = self.options.instructions
        return said

    def _ping(self, caller: Caller, request: Request) -> dict[str, Any]:
        return {}

    def _listen(self, caller: Caller, request: Request) -> Steps:
        asked = request.params.get("notifications")
        if type(asked) is not dict:
            raise RpcError(INVALID_PARAMS, "subscriptions/listen: notifications must be an object")
        agreed: dict[str, Any] = {}
        if asked.get("toolsListChanged") is True:
            agreed["toolsListChanged"] = True
        uris = asked.get("resourceSubscriptions")
        if self.shelf is not None and isinstance(uris, list):
            agreed["resourceSubscriptions"] = [
                uri for uri in uris[:MAX_URIS] if isinstance(uri, str) and len(uri) <= MAX_URI
            ]
        ended: dict[str, Any] = yield Stream(agreed)
        return ended

    # -- tools ------------------------------------------------------------------------

    def _list_tools(self, caller: Caller, request: Request) -> dict[str, Any]:
        entries = self.catalog(caller.peer.session).entries(caller.version)
        return self._page(caller, request, "tools", entries)

    def _call_tool(self, caller: Caller, request: Request) -> Steps:
        params, session = request.params, caller.peer.session
        name = params.get("name")
        if type(name) is not str or name not in session:
            raise RpcError(INVALID_PARAMS, f"Unknown tool: {name!s:.200}")
        arguments = params.get("arguments")
        if arguments is not None and type(arguments) is not dict:
            raise RpcError(INVALID_PARAMS, "tools/call: arguments must be an object")
        call = as_call(name, {} if arguments is None else arguments, None)
        if not isinstance(call, FunctionCall):  # refused before there was a call
            return call_result(call, None, caller.version)
        result = yield from self._carry_out(caller, call, params)
        if not isinstance(result, ToolResult):
            return result
        return self.catalog(session).answer(result, caller.version)

    def _carry_out(
        self, caller: Caller, call: FunctionCall, params: dict[str, Any]
    ) -> Generator[Need, Any, ToolResult | dict[str, Any]]:
        """The result of a call; a dict where the client has to ask a person first."""
        modern, session = caller.modern, caller.peer.session
        asker = Asker(call, caller.peer.principal)
        answers = self._questions.answers(asker, params) if modern else {}
        inquiry = Inquiry(answers, can_ask=caller.can_elicit, is_modern=modern)
        said = answers.get(APPROVAL)
        result: ToolResult = yield Invoke(session, call, is_yes(said), inquiry)
        refused = result.error is not None and result.error.type == ErrorType.APPROVAL_REQUIRED
        if refused and caller.can_elicit:
            if modern and said is None:
                return self._questions.wanted(asker, answers, APPROVAL, allow(call))
            if not modern:
                try:
                    said = yield Ask(ELICIT, allow(call))
                except AnsweredError:
                    said = None
            if not is_yes(said):
                return denied(call)
            result = yield Invoke(session, call, True, inquiry)
        if inquiry.wanted is not None:  # whatever the tool made of it
            return self._questions.wanted(asker, answers, *inquiry.wanted)
        return result

    # -- prompts ----------------------------------------------------------------------

    def _list_prompts(self, caller: Caller, request: Request) -> dict[str, Any]:
        entries = [] if self.prompts is None else self.prompts.entries
        return self._page(caller, request, "prompts", entries)

    def _get_prompt(self, caller: Caller, request: Request) -> Steps:
        name = request.params.get("name")
        arguments = request.params.get("arguments")
        if type(arguments) not in (dict, type(None)):
            raise RpcError(INVALID_PARAMS, "prompts/get: arguments must be an object")
        if self.prompts is None or type(name) is not str or name not in self.prompts.session:
            raise RpcError(INVALID_PARAMS, f"Unknown prompt: {name!s:.200}")
        call = as_call(name, arguments or {}, None)
        if isinstance(call, FunctionCall):
            result = yield Invoke(self.prompts.session, call)
        else:
            result = call
        if result.error is not None:
            wrong = result.error.type == ErrorType.PARAMETER_VALIDATION_FAILED
            code = INVALID_PARAMS if wrong else INTERNAL_ERROR
            raise RpcError(code, result.error.message, result.error.details)
        return {"messages": self.prompts.messages(result)}

    def _complete(self, caller: Caller, request: Request) -> dict[str, Any]:
        ref, argument = request.params.get("ref"), request.params.get("argument")
        if type(ref) is not dict or type(argument) is not dict:
            raise RpcError(INVALID_PARAMS, "completion/complete: ref and argument are objects")
        values: list[str] = []
        if self.prompts is not None and ref.get("type") == "ref/prompt":
            words = (ref.get("name"), argument.get("name"), argument.get("value"))
            values = self.prompts.completions(*(str(word) for word in words))
        return {"completion": {"values": values, "total": len(values), "hasMore": False}}

    # -- resources --------------------------------------------------------------------

    def _list_resources(self, caller: Caller, request: Request) -> dict[str, Any]:
        entries = [] if self.shelf is None else self.shelf.plain
        return self._page(caller, request, "resources", entries)

    def _list_templates(self, caller: Caller, request: Request) -> dict[str, Any]:
        entries = [] if self.shelf is None else self.shelf.templates
        return self._page(caller, request, "resourceTemplates", entries)

    def _read_resource(self, caller: Caller, request: Request) -> Steps:
        uri = request.params.get("uri")
        if type(uri) is not str:
            raise RpcError(INVALID_PARAMS, "resources/read: uri must be a text")
        found = None if self.shelf is None else self.shelf.find(uri)
        if found is None:
            code = INVALID_PARAMS if caller.modern else RESOURCE_NOT_FOUND
            raise RpcError(code, f"Resource not found: {uri:.500}", {"uri": uri})
        resource, holes = found
        value: Any = resource.content
        if callable(value):
            value = yield Run(value, holes)
        contents = contents_of(resource, uri, value)
        said: dict[str, Any] = {"contents": contents}
        if caller.modern:
            said.update(self._cached())
        return said

    def _subscribe(self, caller: Caller, request: Request) -> dict[str, Any]:
        uri, subscribed = self._known_uri(request), caller.peer.subscribed
        if len(subscribed) >= MAX_URIS and uri not in subscribed:
            reason = f"Busy: there are {MAX_URIS} subscriptions, which is the limit"
            raise RpcError(BUSY, reason)
        subscribed.add(uri)
        return {}

    def _unsubscribe(self, caller: Caller, request: Request) -> dict[str, Any]:
        caller.peer.subscribed.discard(self._known_uri(request))
        return {}

    def _known_uri(self, request: Request) -> str:
        uri = request.params.get("uri")
        if type(uri) is not str or self.shelf is None or self.shelf.find(uri) is None:
            raise RpcError(RESOURCE_NOT_FOUND, f"Resource not found: {uri!s:.500}")
        return uri

    # -- lists ------------------------------------------------------------------------

    def _page(
        self, caller: Caller, request: Request, key: str, entries: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        """One page of a list. A cursor is the number of entries before it, as a text."""
        cursor, size = request.params.get("cursor"), self.options.page_size
        start = 0
        if cursor is not None:
            start = int(cursor) if type(cursor) is str and _is_count(cursor) else -1
            if not 0 < start < len(entries):
                raise RpcError(INVALID_PARAMS, f"{request.method}: that cursor is not known")
        said: dict[str, Any] = {key: list(entries[start : start + size])}
        if start + size < len(entries):
            said["nextCursor"] = str(start + size)
        if caller.modern:
            said.update(self._cached())
        return said

    def _cached(self) -> dict[str, Any]:
        return {"ttlMs": self.options.ttl_ms, "cacheScope": self.options.cache_scope}


def _is_count(text: str) -> bool:
    return len(text) < 10 and text.isascii() and text.isdigit()
