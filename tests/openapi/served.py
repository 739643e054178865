"""An API that is served for real: a Starlette application, its OpenAPI document, and uvicorn.

``/echo/...`` answers with what arrived, as bytes of the wire and as Starlette
reads them; the rest does what such APIs do: it stores, refuses, redirects,
asks for keys.
"""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

PROBLEM = "application/problem+json"
KEY, TOKEN, PASSWORD = "key-7f3a9c1e", "token-b81d44aa", "pass-word: 5c"


async def echo(request: Request) -> Response:
    """What came, in a form that JSON can say."""
    form: list[Any] = []
    kind = request.headers.get("content-type", "")
    body = await request.body()
    if kind.startswith(("multipart/", "application/x-www-form-urlencoded")):
        for name, item in (await request.form()).multi_items():
            if isinstance(item, str):
                form.append([name, item])
            else:
                read = (await item.read()).hex()
                form.append([name, item.filename, item.content_type, read])
    return JSONResponse(
        {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "args": request.query_params.multi_items(),
            "headers": dict(request.headers),
            "cookies": request.cookies,
            "type": kind,
            "body": body.decode("latin-1"),
            "form": form,
        }
    )


class Pets:
    """A small store."""

    def __init__(self) -> None:
        self.kept: dict[int, Any] = {}

    async def all(self, request: Request) -> Response:
        if request.method == "POST":
            sent = await request.json()
            if sent["name"] in [one["name"] for one in self.kept.values()]:
                return JSONResponse(
                    {"title": "Conflict", "detail": "taken"}, 409, media_type=PROBLEM
                )
            number = max(self.kept, default=0) + 1
            self.kept[number] = {"id": number, **sent}
            return JSONResponse(self.kept[number], 201)
        return JSONResponse(list(self.kept.values()))

    async def one(self, request: Request) -> Response:
        number = int(request.path_params["id"])
        if number not in self.kept:
            return JSONResponse({"title": "Not Found", "detail": f"no pet {number}"}, 404)
        if request.method == "DELETE":
            del self.kept[number]
            return Response(status_code=204)
        if request.method == "PUT":
            self.kept[number] = {"id": number, **await request.json()}
        return JSONResponse(self.kept[number])


async def answer(request: Request) -> Response:
    """An answer of the status and kind that the query asks for."""
    status = int(request.query_params.get("status", "200"))
    kind = request.query_params.get("kind", "json")
    headers = {}
    if after := request.query_params.get("after"):
        headers["retry-after"] = after
    if kind == "problem":
        body = {
            "type": "about:blank",
            "title": "No luck",
            "detail": "try another",
            "status": status,
        }
        return JSONResponse(body, status, headers=headers, media_type=PROBLEM)
    if kind == "altar":
        body = {
            "error": {"type": "BUSINESS_RULE_VIOLATION", "message": "rule 7", "details": {"n": 1}}
        }
        return JSONResponse(body, status, headers=headers)
    if kind == "text":
        return Response("grüß".encode("latin-1"), status, headers, "text/plain; charset=latin-1")
    if kind == "bytes":
        return Response(b"\x00\x01", status, headers, "image/png")
    if kind == "broken":
        return Response(b'{"a":', status, headers, "application/json")
    if kind == "gzip":
        packed = gzip.compress(b'{"packed": true}')
        return Response(packed, status, {"content-encoding": "gzip"}, "application/json")
    if kind == "bomb":
        packed = gzip.compress(b" " * 20_000_000)
        return Response(packed, status, {"content-encoding": "gzip"}, "application/json")
    if kind == "large":
        return JSONResponse("x" * 6_000_000, status)
    return JSONResponse({"status": status}, status, headers=headers)


async def away(request: Request) -> Response:
    """A redirect to where the query says."""
    return RedirectResponse(request.query_params["to"], int(request.query_params["status"]))


async def slow(request: Request) -> Response:
    """No answer, until the client has gone."""
    request.app.state.waiting.set()
    while not await request.is_disconnected():
        await _breath()
    request.app.state.left.set()
    return PlainTextResponse("late")


async def _breath() -> None:
    from asyncio import sleep as asleep

    await asleep(0.005)


async def guarded(request: Request) -> Response:
    """What the request was signed with; it says the secrets aloud, as bad servers do."""
    seen = {
        "header": request.headers.get("x-api-key"),
        "query": request.query_params.get("key"),
        "cookie": request.cookies.get("sid"),
        "authorization": request.headers.get("authorization"),
    }
    status = 200 if any(seen.values()) else 401
    right = [KEY in str(seen), TOKEN in str(seen), "Basic " in str(seen)]
    return JSONResponse({"right": right, "seen": seen}, status)


async def connection(request: Request) -> Response:
    """The port that the client speaks from: the same for one connection."""
    return JSONResponse(request.client.port if request.client else None)


@contextmanager
def serving():
    """The application, on a port of its own: ``(base URL, application)``."""
    pets = Pets()
    every = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    app = Starlette(
        routes=[
            Route("/v1/echo{rest:path}", echo, methods=every),
            Route("/v1/pets", pets.all, methods=["GET", "POST"]),
            Route("/v1/pets/{id}", pets.one, methods=["GET", "PUT", "DELETE"]),
            Route("/v1/answer", answer),
            Route("/v1/away", away, methods=every),
            Route("/v1/slow", slow),
            Route("/v1/guarded", guarded),
            Route("/v1/connection", connection),
            Route("/openapi.json", lambda request: JSONResponse(request.app.state.document)),
        ]
    )
    app.state.waiting, app.state.left = threading.Event(), threading.Event()
    app.state.document = DOCUMENT
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="critical", lifespan="off", timeout_keep_alive=120)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = monotonic() + 60
    while not server.started and monotonic() < end:
        sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1", app
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(20)


def parameter(name: str, place: str, schema: Any = None, **more: Any) -> dict[str, Any]:
    """A parameter of a document."""
    one = {"name": name, "in": place, "schema": schema if schema is not None else {}, **more}
    return {**one, "required": True} if place == "path" else one


def operation(name: str, *parameters: Any, **more: Any) -> dict[str, Any]:
    """An operation of a document."""
    return {
        "operationId": name,
        "parameters": list(parameters),
        "responses": {"200": {"description": "what came", "content": {"application/json": {}}}},
        **more,
    }


def document(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A document of these paths."""
    about = {"title": "Test", "version": "1"}
    return {"openapi": "3.1.0", "info": about, "servers": [{"url": "/v1"}], "paths": paths, **more}


PET = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": {"type": "string", "minLength": 1},
        "tag": {"type": ["string", "null"]},
        "parent": {"$ref": "#/components/schemas/Pet"},
        "code": {"type": "string", "writeOnly": True},
    },
}
_PET = {"$ref": "#/components/schemas/Pet"}
_SENT = {"required": True, "content": {"application/json": {"schema": _PET}}}
_GOT = {"description": "a pet", "content": {"application/json": {"schema": _PET}}}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}

DOCUMENT = document(
    {
        "/pets": {
            "get": {
                "operationId": "listPets",
                "summary": "All pets",
                "tags": ["pets"],
                "responses": {
                    "200": {
                        "description": "all",
                        "content": {
                            "application/json": {"schema": {"type": "array", "items": _PET}}
                        },
                    }
                },
            },
            "post": {
                "operationId": "addPet",
                "summary": "Add a pet",
                "description": "Add a pet to the store.",
                "tags": ["pets"],
                "requestBody": _SENT,
                "responses": {"201": _GOT},
            },
        },
        "/pets/{id}": {
            "parameters": [_ID],
            "get": {"tags": ["pets"], "responses": {"200": _GOT}},
            "put": {"operationId": "putPet", "requestBody": _SENT, "responses": {"200": _GOT}},
            "delete": {"operationId": "drop pet!", "responses": {"204": {"description": "gone"}}},
        },
        "/answer": {
            "get": operation(
                "answer",
                parameter("status", "query", {"type": "integer"}),
                parameter("kind", "query", {"type": "string"}),
                parameter("after", "query", {"type": "string"}),
            ),
        },
        "/slow": {"get": operation("slow")},
        "/connection": {"get": operation("connection")},
    },
    components={"schemas": {"Pet": PET}},
)
