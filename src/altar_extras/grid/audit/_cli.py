"""``altar grid audit``: verify, show the end of, or export audit records."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import time
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Protocol

from altar.errors import ConfigurationError
from altar_extras.grid.audit._errors import SinkUnavailable
from altar_extras.grid.audit._frames import frame_at
from altar_extras.grid.audit._spool import read_folder
from altar_extras.grid.audit._verify import verify
from altar_extras.grid.audit._who import principals
from altar_extras.grid.security import Credentials, SigningKey, VerifyKey
from altar_extras.grid.transport import ClientTls

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from nats.aio.client import Client

    from altar_extras.grid.audit._verify import Summary
    from altar_extras.grid.audit._who import Who

    class Console(Protocol):
        """What is used of the commands' console."""

        def print(self, *lines: str) -> None: ...
        def json(self, value: Any) -> None: ...
        def style(self, text: str, *styles: str) -> str: ...


__all__ = ["configure", "run"]

_PAUSE = 0.25  # seconds between two looks at a spool that grows
_SOURCE = (
    "a spool's folder or one above several, a file that export wrote, or nats://... (with --tenant)"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    check = verbs.add_parser("verify", help="check the records; exit code 1 when one is broken")
    _source(check)
    check.add_argument(
        "--key", metavar="WRITER=KEY", action="append", default=[],
        help="a public key that may write as WRITER; may be repeated",
    )  # fmt: skip
    check.add_argument(
        "--host", metavar="KEY", action="append", default=[],
        help="a Host's public key: heads have to be countersigned by one; may be repeated",
    )  # fmt: skip
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(audit_verb=_verify)
    tail = verbs.add_parser("tail", help="show the last records")
    _source(tail)
    tail.add_argument("-n", type=int, default=20, metavar="N", help="of each writer (%(default)s)")
    tail.add_argument("--json", action="store_true", help="print all of a record, as JSON lines")
    tail.add_argument("--follow", action="store_true", help="go on: a line for each new record")
    tail.set_defaults(audit_verb=_tail)
    export = verbs.add_parser("export", help="write JSON lines, which verify reads again")
    _source(export)
    export.add_argument("--out", metavar="FILE", help="where to; without it to standard output")
    export.set_defaults(audit_verb=_export)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry out the verb: 0, or 1 when records are broken; raises ConfigurationError."""
    status: int = arguments.audit_verb(arguments, console)
    return status


def _source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help=_SOURCE)
    parser.add_argument("--tenant", help="whose stream to read, of a server")
    parser.add_argument("--credentials", metavar="FILE", help="a Host's credential file")


def _verify(arguments: argparse.Namespace, console: Console) -> int:
    keys: dict[str, list[str]] = {}
    for text in arguments.key:
        writer, equals, key = text.partition("=")
        if not equals:
            raise ConfigurationError(f"--key {text}: write WRITER=KEY")
        keys.setdefault(writer, []).append(_public("--key", key))
    trusted = [_public("--host", key) for key in arguments.host]
    groups = _read(arguments)
    partial = Path(arguments.source).is_dir()
    own = () if trusted else _hosts(arguments)
    verdict = verify(groups, keys=keys, hosts=trusted, witnesses=own, partial=partial)
    if arguments.json:
        broken = [one._asdict() for one in verdict.broken]
        writers = {name: _figures(found) for name, found in verdict.writers.items()}
        console.json({"ok": verdict.ok, "broken": broken, "writers": writers})
        return 0 if verdict.ok else 1
    for name, found in verdict.writers.items():
        figures = [f"{value} {key}" for key, value in _figures(found).items() if key != "last"]
        console.print(f"{name}  to record {found.last}: {', '.join(figures)}")
    for one in verdict.broken:
        console.print(console.style(f"broken  {one}", "red"))
    if verdict.ok:
        console.print(console.style("every record is there, as it was written", "green"))
    return 0 if verdict.ok else 1


def _public(option: str, key: str) -> str:
    """The key, where it is a public one: another would only be found nowhere."""
    try:
        return VerifyKey(key).public
    except ConfigurationError as error:
        raise ConfigurationError(f"{option}: {error}") from None


def _hosts(arguments: argparse.Namespace) -> list[str]:
    """The keys of Hosts that a Host's file knows; none without --credentials."""
    if not arguments.credentials:
        return []
    found = Credentials.read(arguments.credentials, role="host")
    own = [] if found.host_seed is None else [SigningKey.from_seed(found.host_seed).public]
    return [*own, *found.host_keys]


def _figures(found: Summary) -> dict[str, int]:
    names = ("last", "epochs", "started", "finished", "unknown", "open", "heads", "countersigned")
    return {name: getattr(found, name) for name in names}


def _tail(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.n < 0:
        raise ConfigurationError(f"-n {arguments.n}: give 0 or a positive number")
    seen: dict[str, int] = {}
    hosts = _hosts(arguments)
    while True:
        groups = _read(arguments)
        known = principals(groups, hosts)
        for writer, records in groups.items():
            count = len(records)
            start = max(0, count - arguments.n)
            start = min(seen.get(writer, start), count)
            seen[writer] = count
            for line in _lines(writer, records, start, known, is_json=arguments.json):
                console.print(line)
        if not arguments.follow:
            return 0
        time.sleep(_PAUSE)


def _lines(
    writer: str, records: Sequence[bytes], start: int, known: Mapping[str, Who], *, is_json: bool
) -> Iterator[str]:
    """A line for each record from ``start`` on; a call's end says what its start said."""
    begun: dict[str, dict[str, Any]] = {}
    for at, raw in enumerate(records):
        document = _document(writer, raw, known)
        if document.get("kind") == "started":
            begun[document["invocation_id"]] = document
        if at >= start:
            yield _json(document) if is_json else _line(document, begun)


def _line(document: dict[str, Any], begun: dict[str, dict[str, Any]]) -> str:
    """What people look for first, in about 100 columns."""
    kind = document.get("kind", "broken")
    call = begun.get(document.get("invocation_id", ""), {})
    at = document.get("at_ms") or call.get("at_ms", 0) + 1000 * document.get("seconds", 0)
    when = _when(at) if at else "-"
    number = f"{document['writer'][-_SHORT:]} {document.get('sequence', '?')}"
    shown = {"tool": call.get("tool", ""), **document}
    shown["principal"] = document.get("principal") or document.get("session_principal")
    if kind == "finished":
        took = f"{document['seconds']:.3f} s"
        ran = "" if document["executed"] == "yes" else f"ran={document['executed']}"
        rest = [shown["tool"], document["status"], document["error_type"], took, ran]
    else:
        rest = [shown.get(name) for name in _SHOWN]
    words = [when, number, kind, *[_plain(word) for word in rest if word not in (None, "", [], {})]]
    return "  ".join(words)


_SHORT = 8  # characters of a writer's name
_SHOWN = ("tool", "principal", "session", "invocation_id", "name", "fields", "epoch", "damaged")


def _when(at_ms: float) -> str:
    try:
        return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).strftime("%F %T")
    except (ValueError, OverflowError, OSError):  # no time that a writer could mean
        return "?"


def _json(value: object) -> str:
    """Whatever a writer has put into a note, as JSON."""
    return json.dumps(value, ensure_ascii=True, skipkeys=True, default=repr)


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else _json(value)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


_WIDEST = 40


def _export(arguments: argparse.Namespace, console: Console) -> int:
    groups = _read(arguments)
    known = principals(groups, _hosts(arguments))
    lines = [
        _json(_document(writer, raw, known))
        for writer, records in groups.items()
        for raw in records
    ]
    if arguments.out is None:
        if lines:
            console.print(*lines)
        return 0
    try:
        Path(arguments.out).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{arguments.out} cannot be written: {error.strerror}") from error
    console.print(f"{arguments.out}: {len(lines)} records")
    return 0


def _document(writer: str, raw: bytes, known: Mapping[str, Who]) -> dict[str, Any]:
    """A record as JSON; beside a call what a Host has noted of its session."""
    frame = frame_at(raw)
    record = None if frame is None else frame.record()
    shown = {} if record is None else record.to_dict()
    named = shown.pop("writer", None)
    if named is not None and named != writer:  # whose head a Host has countersigned
        shown["of_writer"] = named
    who = known.get(shown.get("session", ""))
    if who is not None:
        shown |= {"session_principal": who.principal, "session_noted_by": who.noted_by}
    return {"writer": writer, **shown, "frame": b64encode(raw).decode()}


def _read(arguments: argparse.Namespace) -> Mapping[str, Sequence[bytes]]:
    source = arguments.source
    if "://" in source:
        return asyncio.run(_read_server(arguments))
    path = Path(source)
    if path.is_dir():
        return _read_folders(path)
    found: dict[str, list[bytes]] = {}
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                document = json.loads(line)
                raw = b64decode(document["frame"], validate=True)
                found.setdefault(document["writer"], []).append(raw)
    except OSError as error:
        raise ConfigurationError(f"{source} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, Base64Error) as error:
        raise ConfigurationError(
            f"{source} is no file that `altar grid audit export` wrote: {error}"
        ) from error
    return found


def _read_folders(path: Path) -> dict[str, list[bytes]]:
    """The spool in a folder, or those in the folders of it, as `altar grid up` has them."""
    spools = [path]
    if not any(path.glob("*.seg")):
        spools = sorted({one.parent for one in path.rglob("*.seg")}) or [path]
    groups: dict[str, list[bytes]] = {}
    for spool in spools:
        records = read_folder(spool)
        writer = _writer_of(records)
        groups[writer if writer not in groups else f"{writer} in {spool.name}"] = records
    return groups


def _writer_of(records: Sequence[bytes]) -> str:
    for raw in records:
        frame = frame_at(raw)
        record = None if frame is None else frame.record()
        if record is not None and record.name == "epoch":
            return str(record.field("writer"))
    return "?"


async def _read_server(arguments: argparse.Namespace) -> dict[str, list[bytes]]:
    own = Credentials.read(arguments.credentials, role="host") if arguments.credentials else None
    tenant = arguments.tenant or (None if own is None else own.tenant)
    if not tenant:
        raise ConfigurationError("a server has a stream for each tenant: add --tenant NAME")
    import nats.js.errors  # noqa: PLC0415 - a spool and a file need no nats-py

    from altar_extras.grid.audit._nats import read_stream  # noqa: PLC0415

    server = await _server(arguments.source, own)
    try:
        return await read_stream(server.jetstream(), tenant=tenant)
    except SinkUnavailable as error:
        if not isinstance(error.__cause__, nats.js.errors.NotFoundError):
            raise
        known = f"; these credentials know {', '.join(sorted(own.tenants))}" if own else ""
        raise ConfigurationError(
            f"there is no audit of a tenant {tenant!r} here: say --tenant NAME{known}"
        ) from error
    finally:
        await server.close()


async def _server(source: str, own: Credentials | None) -> Client:
    """A connection as the Host of these credentials, or as nobody; each server is tried twice."""
    import nats.errors  # noqa: PLC0415
    from nats.aio.client import Client  # noqa: PLC0415

    said: list[Exception] = []

    async def hear(error: Exception) -> None:
        said.append(error)

    client = Client()
    try:
        await client.connect(
            source,
            connect_timeout=5,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            error_cb=hear,
            **({} if own is None else _options(own)),
        )
    except (nats.errors.Error, OSError, TimeoutError) as error:
        why = said[-1] if said else error
        if "authorization violation" in f"{why} {error}".lower():
            need = (
                "" if own else ": a Host's key is needed; add --credentials FILE, such as host.json"
            )
            raise ConfigurationError(f"{source} does not let this key in{need}") from error
        raise ConfigurationError(f"{source} cannot be reached ({type(why).__name__})") from error
    return client


def _options(own: Credentials) -> dict[str, Any]:
    """How a Host connects: its key, an inbox of its own, TLS 1.3 with its certificate."""
    key = own.key
    options: dict[str, Any] = {
        "nkeys_seed_str": key.seed,
        "inbox_prefix": f"grid.v1.re.{token_hex(16)}",
    }
    tls = own.tls
    if tls.ca and tls.cert and tls.key:
        context = ClientTls(ca=tls.ca, cert=tls.cert, key=tls.key).context()
        logging.getLogger("asyncio").addFilter(_is_of_use)  # again is nothing
        options |= {"tls": context, "tls_handshake_first": True}
    return options


def _is_of_use(record: logging.LogRecord) -> bool:
    """Not the warning that asyncio has for how nats-py reads TLS: it comes with every end."""
    return "eof_received() has no effect" not in str(record.msg)
