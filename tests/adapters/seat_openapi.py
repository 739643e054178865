"""OpenAPI's seat: calls over HTTP to the served application, and its document taken in again."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Mapping
from typing import Any, ClassVar

import uvicorn

import altar
from altar_extras.openapi import export_tools, import_tools
from tests.adapters.seats import Outcome
from tests.waiting import PATIENCE, soon

__all__ = ["SEATS"]

NONE = {"type": "object", "properties": {}, "additionalProperties": False}


class Served:
    """An application behind a real server, and one connection to it."""

    def __init__(self, session: altar.Session) -> None:
        self.app = export_tools(session)
        config = uvicorn.Config(self.app, port=0, log_level="critical", timeout_keep_alive=600)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        assert soon(lambda: self.server.started)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        text = None if body is None else json.dumps(body)
        self.line.request(method, path, text, {"Content-Type": "application/json"})
        answer = self.line.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        self.line.close()
        self.server.should_exit = True
        self.thread.join(PATIENCE)


class OpenApi:
    """The document is what a framework would read; a call is a request."""

    name = "openapi"
    falls_short: ClassVar[Mapping[str, str]] = {
        "power-infinite": "JSON has no infinity, and the document promises a number",
        "back:power-infinite": "JSON has no infinity, and the document promises a number",
    }

    def __init__(self) -> None:
        self._served: list[Served] = []

    def export(self, session: altar.Session) -> Any:
        served = Served(session)
        self._served.append(served)
        return served

    def schemas(self, exported: Any) -> dict[str, Any]:
        document = json.loads(exported.ask("GET", "/openapi.json")[1])
        components = document["components"]["schemas"]
        found = {}
        for path, item in document["paths"].items():
            name = path.removeprefix("/tools/")
            body = item["post"].get("requestBody")
            schema = NONE if body is None else body["content"]["application/json"]["schema"]
            found[name] = gathered(schema, components)
        return found

    def descriptions(self, exported: Any) -> dict[str, str] | None:
        document = json.loads(exported.ask("GET", "/openapi.json")[1])
        return {
            path.removeprefix("/tools/"): item["post"]["description"]
            for path, item in document["paths"].items()
        }

    def call(self, exported: Any, name: str, args: dict[str, Any]) -> Outcome:
        status, body = exported.ask("POST", f"/tools/{name}", args)
        return Outcome(ok=True, content=json.loads(body)) if status == 200 else Outcome.failed(body)

    def back(self, exported: Any) -> list[Any]:
        document = json.loads(exported.ask("GET", "/openapi.json")[1])
        return import_tools(document, server=f"http://127.0.0.1:{exported.port}")

    def close(self) -> None:
        for served in self._served:
            served.close()
        self._served.clear()


def gathered(schema: Any, components: dict[str, Any]) -> Any:
    """The schema with its definitions where a schema that stands alone has them."""
    defs: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        for target in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(waiting.pop())):
            if target not in defs:
                defs[target] = components[target]
                waiting.append(components[target])
    text = json.dumps({**schema, "$defs": defs} if defs else schema)
    return without_int64(json.loads(text.replace("#/components/schemas/", "#/$defs/")))


def without_int64(node: Any) -> Any:
    """The word that OpenAPI has for altar's integers, left out where altar's schema has none."""
    if isinstance(node, dict):
        word = node.get("type") == "integer" and node.get("format") == "int64"
        return {k: without_int64(v) for k, v in node.items() if not (word and k == "format")}
    return [without_int64(item) for item in node] if isinstance(node, list) else node


SEATS = [OpenApi()]
