"""Requests to a fake server by the standard library alone, as bytes on the wire."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import Any, NamedTuple

__all__ = ["CITY", "Reply", "anthropic_headers", "connect", "gemini_headers", "post", "send"]

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Reply(NamedTuple):
    """An answer that was read to its end; ``events`` are (name, data) of an event stream."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def words(self) -> str:
        """The message of an error."""
        return self.body["error"]["message"]

    @property
    def events(self) -> list[tuple[str | None, Any]]:
        found = []
        for block in self.raw.replace(b"\r\n", b"\n").split(b"\n\n"):
            if not block:
                continue
            name, data = None, ""
            for line in block.decode().split("\n"):
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                else:
                    data += value
            found.append((name, data if data == "[DONE]" else json.loads(data)))
        return found


def connect(fake: Any) -> http.client.HTTPConnection:
    host = fake.url.removeprefix("http://")
    return http.client.HTTPConnection(host, timeout=60)


def send(
    connection: http.client.HTTPConnection, path: str, body: Any, headers: dict[str, str]
) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("POST", path, data, {"content-type": "application/json", **headers})
    answer = connection.getresponse()
    named = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, named, answer.read())


def post(fake: Any, path: str, body: Any, headers: dict[str, str]) -> Reply:
    with closing(connect(fake)) as connection:
        return send(connection, path, body, headers)


def anthropic_headers(fake: Any, version: str = "2026-10-21") -> dict[str, str]:
    return {"authorization": f"Bearer {fake.key}", "anthropic-version": version}


def gemini_headers(fake: Any) -> dict[str, str]:
    return {"x-goog-api-key": fake.key}
