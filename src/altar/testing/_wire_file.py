"""Recorded HTTP exchanges: the file they are kept in, and when a request is the recorded one.

    {"altar-wire": 1}
    {"request": {"method", "path", "query", "headers", "body"}, "response": {"status", ...}}

A body is kept as ``body`` where it is JSON, as ``lines`` where it is an event
stream, as ``text`` or as ``base64`` otherwise.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from altar.errors import CassetteError
from altar.testing._cassette_file import read_text, write_lines
from altar.testing._cassette_match import difference
from altar.testing._redaction import SECRET, is_secret_name
from altar.testing._wire_deltas import clean_documents, clean_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from altar.testing._redaction import Secrets

__all__ = [
    "WireExchange",
    "read_wire",
    "request_of",
    "response_bytes",
    "response_of",
    "wire_difference",
    "write_wire",
]

_VERSION = 1
# what is kept of headers: the rest is new each time, or a secret
_ASKED_HEADERS = ("content-type", "anthropic-version", "anthropic-beta", "openai-beta")
_TOLD_HEADERS = (
    "content-type",
    "retry-after",
    "retry-after-ms",
    "request-id",
    "x-request-id",
    "x-should-retry",
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_UUID = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)


@dataclass(slots=True, eq=False)
class WireExchange:
    """One request and its response, as the JSON that is in the file."""

    request: dict[str, Any]
    response: dict[str, Any]
    played: bool = False


# -- writing -----------------------------------------------------------------------------


def request_of(
    method: str, path: str, headers: Mapping[str, str], body: bytes, secrets: Secrets
) -> dict[str, Any]:
    """The request as it is kept: keys, cookies and what looks like a secret taken out."""
    place, _, given = path.partition("?")
    query = {
        name: SECRET if is_secret_name(name) else value
        for name, value in parse_qsl(given, keep_blank_values=True)
    }
    out: dict[str, Any] = {"method": method, "path": place}
    if query:
        out["query"] = query
    kept = {name: headers[name] for name in _ASKED_HEADERS if name in headers}
    if kept:
        out["headers"] = kept
    found: dict[str, Any] = secrets.asked({**out, **_body(body)})
    return found


def response_of(
    status: int, headers: Mapping[str, str], body: bytes, secrets: Secrets, *, cut: bool = False
) -> dict[str, Any]:
    """The response as it is kept; ``cut`` when the connection broke before its end."""
    out: dict[str, Any] = {"status": status}
    kept = {name: headers[name] for name in _TOLD_HEADERS if name in headers}
    if kept:
        out["headers"] = kept
    out = secrets.answered(out)
    if headers.get("content-type", "").startswith("text/event-stream"):
        said = _lines(body)
    else:
        said = _body(body)
    if "lines" in said:
        said["lines"] = clean_lines(said["lines"], secrets)
    elif "text" in said:
        said["text"] = "\n".join(clean_lines(said["text"].split("\n"), secrets))
    elif isinstance(said.get("body"), list):
        said["body"] = clean_documents(said["body"], secrets)
    else:
        said = secrets.answered(said)
    out.update(said)
    if cut:
        out["cut"] = True
    return out


def _body(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
    try:
        return {"body": json.loads(text)}
    except (ValueError, RecursionError):
        return {"text": text}


def _lines(body: bytes) -> dict[str, Any]:
    """An event stream by its lines; of two kinds of line ends the text is kept as it is."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    if any("\n" in line or "\r" in line for line in lines):
        return {"text": text}
    return {"lines": lines} if end == "\n" else {"lines": lines, "line_end": end}


def write_wire(path: Path, exchanges: list[WireExchange]) -> None:
    """Write the file whole, or leave the old one."""
    rows = [{"request": one.request, "response": one.response} for one in exchanges]
    write_lines(path, [{"altar-wire": _VERSION}, *rows])


# -- reading -----------------------------------------------------------------------------


def read_wire(path: Path) -> list[WireExchange]:
    """Read a recording; raises CassetteError that says what is wrong with it, and where."""
    if not path.exists():
        raise CassetteError(
            f"there is no recording {path}; make it with RecordingProxy({str(path)!r}, "
            "upstream='https://...')",
            path=str(path),
        )
    rows: list[WireExchange] = []
    for at, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            doc = json.loads(line)
            if at == 1:
                if doc["altar-wire"] != _VERSION:
                    raise ValueError(f"version {doc['altar-wire']!r} is not {_VERSION}")
                continue
            request, response = dict(doc["request"]), dict(doc["response"])
            _ = request["method"], request["path"], response["status"] + 0
        except (ValueError, KeyError, TypeError) as error:
            raise CassetteError(
                f"{path}, line {at}: no recorded exchange: {type(error).__name__}: {error}. "
                "Record it again.",
                path=str(path),
            ) from error
        rows.append(WireExchange(request, response))
    return rows


def response_bytes(response: Mapping[str, Any]) -> bytes:
    """The bytes of a response's body."""
    if "lines" in response:
        text: str = response.get("line_end", "\n").join(response["lines"])
        return text.encode()
    if "body" in response:
        return json.dumps(response["body"], ensure_ascii=False).encode("utf-8", "backslashreplace")
    if "base64" in response:
        return base64.b64decode(response["base64"])
    return str(response.get("text", "")).encode()


# -- comparing ---------------------------------------------------------------------------


def wire_difference(
    recorded: Mapping[str, Any], came: Mapping[str, Any]
) -> tuple[str, str, str] | None:
    """Where two requests differ first, or None: headers do not count, nor how a body is spelt.

    The vendors' libraries write a field in camelCase or in snake_case, and
    binary data in either alphabet of base64; ids that altar made are random.
    """
    return difference(_normal(recorded), _normal(came))


def _normal(request: Mapping[str, Any]) -> dict[str, Any]:
    out = {"method": request["method"], "path": unquote(request["path"])}
    query = {k: v for k, v in request.get("query", {}).items() if not is_secret_name(k)}
    if query:
        out["query"] = query
    ids: dict[str, str] = {}
    for name in ("body", "text", "base64"):
        if name in request:
            out[name] = _spelt(request[name], ids)
    return out


def _spelt(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, str):
        return _text(value, ids)
    if isinstance(value, list):
        return [_spelt(item, ids) for item in value]
    if isinstance(value, dict):
        names = {name: _HUMP.sub("_", name).lower() for name in value}
        if len(set(names.values())) < len(names):  # a user's own names, which differ by case
            names = {name: name for name in value}
        return {names[name]: _spelt(value[name], ids) for name in sorted(value, key=names.get)}  # type: ignore[arg-type]
    return value


def _text(text: str, ids: dict[str, str]) -> str:
    known = _UUID.sub(lambda found: ids.setdefault(found[0], f"id-{len(ids) + 1}"), text)
    if _BASE64.fullmatch(known):
        return known.replace("-", "+").replace("_", "/").rstrip("=")
    return known
