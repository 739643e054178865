"""``altar repair``: a filter that turns broken JSON into valid JSON, and can say what it did."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, get_args

from altar.adm import loads
from altar.cli._caret import Excerpts, shown
from altar.cli._console import CliError, shorten
from altar.errors import InvalidDataError, RepairError
from altar.repair import CODES, Policy, parse

if TYPE_CHECKING:
    from altar.cli._console import Console
    from altar.repair import Fix, Repaired

__all__ = ["configure", "run"]

_MOST_FIXES = 40
_MOST_READINGS = 5
_C1 = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}  # some terminals obey them


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument(
        "file",
        nargs="?",
        default="-",
        metavar="FILE",
        help="what to read; - or none: standard input",
    )
    parser.add_argument(
        "--schema",
        metavar="S",
        help="a JSON Schema: a file, or the schema itself, which begins with {",
    )
    parser.add_argument(
        "--explain", action="store_true", help="show each fix under its place, on standard error"
    )
    parser.add_argument(
        "--max-risk",
        type=_risk,
        default=1.0,
        metavar="R",
        help="the riskiest fix to make, from 0 to 1 (%(default)s: any)",
    )
    parser.add_argument(
        "--policy",
        choices=get_args(Policy),
        default="best",
        help="which of several values to keep (%(default)s)",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Write the repaired JSON; 0, or 1 with the reason when there is none."""
    schema = None if arguments.schema is None else _schema(arguments.schema)
    data = _read(arguments.file, console)
    text = _decoded(data)
    excerpts = Excerpts(text, console)
    source = data if text is None else text
    try:
        found = parse(source, schema, policy=arguments.policy, max_risk=arguments.max_risk)
    except RepairError as error:
        name = "" if arguments.file == "-" else f"{arguments.file}:"
        console.error(f"{name}{excerpts.place(error.position)}: {error.reason}")
        excerpts.show(error.position, error.position)
        return 1
    if arguments.explain:
        _explain(found, excerpts, console)
    _write(found.text, console)
    return 0


def _risk(text: str) -> float:
    try:
        risk = float(text)
    except ValueError:
        risk = -1.0
    if not 0 <= risk <= 1:
        raise argparse.ArgumentTypeError(f"a risk is a number from 0 to 1, not {text!r}")
    return risk


def _read(file: str, console: Console) -> bytes:
    if file != "-":
        return _bytes_of(file)
    if sys.stdin.isatty():
        console.note("reading standard input; end it with Ctrl-D")
    buffer = getattr(sys.stdin, "buffer", None)
    data: bytes = sys.stdin.read().encode() if buffer is None else buffer.read()
    return data


def _bytes_of(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}") from error


def _decoded(data: bytes) -> str | None:
    """The characters that positions count, byte order mark included; None for what is no text."""
    encoding = json.detect_encoding(data)
    try:
        return data.decode("utf-8" if encoding == "utf-8-sig" else encoding)
    except UnicodeDecodeError:
        return None


def _schema(given: str) -> dict[str, Any] | bool:
    inline = given.lstrip().startswith("{")
    subject = "--schema" if inline else given
    try:
        document = loads(given if inline else _bytes_of(given))
    except InvalidDataError as error:
        raise InvalidDataError(subject, error.problems) from error
    if not isinstance(document, (dict, bool)):
        raise CliError(f"{subject} holds no JSON Schema, which is an object, true or false")
    return document


def _write(text: str, console: Console) -> None:
    """Write the JSON as UTF-8, whatever the locale says: it is data, unless a person reads it."""
    text = text.strip(" \t\r\n")
    buffer = getattr(console.out, "buffer", None)
    if console.live or buffer is None:
        console.out.write(text.translate(_C1) + "\n")
        return
    console.out.flush()
    buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")  # half a pair is an escape
    buffer.flush()


def _explain(found: Repaired, excerpts: Excerpts, console: Console) -> None:
    fixes = found.fixes
    if not fixes:
        console.note("valid JSON, nothing to repair")
        return
    for fix in fixes[:_MOST_FIXES]:
        _show(fix, excerpts, console)
    more = len(fixes) - _MOST_FIXES
    if more > 0:
        console.note(f"and {more:,} more")
    count = "1 fix" if len(fixes) == 1 else f"{len(fixes):,} fixes"
    console.note(f"{count}, confidence {found.confidence:.0%}")
    others = found.alternatives
    for other in others[:_MOST_READINGS]:
        said = shown(shorten(other.text, excerpts.width - 10))
        console.note(f"or, {other.confidence:.0%}: {said}")


def _show(fix: Fix, excerpts: Excerpts, console: Console) -> None:
    what = CODES[fix.code][1] if fix.code in CODES else "a change"
    code = console.style_err(fix.code, "yellow")
    head = f"{excerpts.place(fix.start)} {fix.code} (risk {fix.risk:g}): "
    if len(head) + len(what) > excerpts.width:
        console.tell(head.rstrip(" :").replace(fix.code, code, 1))
        for line in wrap(what, max(20, excerpts.width - 2)):
            console.tell(f"  {line}")
    else:
        console.tell(head.replace(fix.code, code, 1) + what)
    said = f"{excerpts.quoted(fix.before)} -> {excerpts.quoted(fix.after)}"
    excerpts.show(fix.start, fix.end, said)
