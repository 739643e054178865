"""Fuzzing of altar.repair: any bytes at all, held to the laws of a repair.

    python fuzz/repair_target.py --seconds 60      search; atheris where it is installed
    python fuzz/repair_target.py FILE ...          one input again, as a search left it

Without atheris the same laws are searched by random edits of the same seeds,
blindly. A text that breaks a law is written to --found, and named.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import pkgutil
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

atheris: Any
try:
    atheris = importlib.import_module("atheris")
except ImportError:
    atheris = None

if atheris is None:
    from altar import repair
else:
    with atheris.instrument_imports(include=["altar.repair"]):
        from altar import repair

        for part in pkgutil.iter_modules(repair.__path__):  # what is loaded late, too
            importlib.import_module(f"altar.repair.{part.name}")

LONGEST = 4096
GROWTH, SLACK = 16, 64  # a repaired text has at most this many characters per character, and more
SECONDS_EACH = 10
POLICIES = ("best", "first", "last", "all")
SCHEMAS: tuple[Any, ...] = (
    {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}},
    {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}},
    {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}},
    {"enum": ["yes", "no", None, 1]},
)
WORDS = r"""{ } [ ] ( ) , : " ' ` “ ” ‘ ’ « » ， ： \ \" \u \ud83d \n \x /* */ // # <!-- --> ...
    ``` ''' <think> </think> <tool_call> {{ }} true True None null undefined NaN -Infinity 0x1F
    007 1_000 .5 5. 1e 1e999 1/3 12:30 $12.50 &quot; &amp; callback( ); ObjectId(" [TOOL_CALLS]
    data: => ; ** - +"""
TOKENS = (
    *WORDS.split(),
    *('", "', '": "', '": ', '"}, {"', " and ", "it's ", "```json\n", "\n```\n", '"""', " + "),
    *("\n", "\r\n", "\t", "\x00", "\ufeff", "\u00a0", "\u2028", "\ud800", "json\n"),
)


class Broken(AssertionError):
    """A law that does not hold for a text."""


def check(data: bytes) -> None:
    """Every law for one input; raises Broken, or whatever a repair lets through."""
    choice = zlib.crc32(data)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        _no_text(data)
        text = data.decode("latin-1")
    options: dict[str, Any] = {}
    if choice % 4 == 1:
        options["policy"] = POLICIES[choice // 4 % len(POLICIES)]
    elif choice % 4 == 2:
        options["schema"] = SCHEMAS[choice // 4 % len(SCHEMAS)]
    elif choice % 4 == 3:
        options["max_risk"] = choice // 4 % 10 / 10
    try:
        found = repair.parse(text, **options)
    except repair.RepairError as error:
        _law(0 <= error.position <= len(text), f"an error at {error.position}")
        _law("cannot be mended" not in error.reason, f"edits that give no JSON: {error.reason}")
        return
    _laws_of_the_text(text, found)
    _laws_of_the_fixes(text, found, options.get("max_risk", 1.0))
    _second_time(found)
    if "max_risk" not in options:
        _stream(text, found, options, choice)


def _law(holds: bool, broken: str) -> None:
    if not holds:
        raise Broken(broken)


def _no_text(data: bytes) -> None:
    """Bytes that are no UTF-8 may be another encoding's, or are refused by name."""
    with contextlib.suppress(repair.RepairError):
        repair.parse(data)


def _constant(word: str) -> None:
    raise Broken(f"{word} is no JSON")


def _laws_of_the_text(text: str, found: Any) -> None:
    _law(len(found.text) <= GROWTH * len(text) + SLACK, f"{len(found.text)} characters")
    try:
        again = json.loads(found.text, parse_constant=_constant)
    except RecursionError:
        return  # deeper than json reads here; nothing to compare with
    except ValueError as error:
        raise Broken(f"not JSON: {error}: {found.text!r}") from error
    if not _same(again, found.value):
        raise Broken(f"text {found.text!r}, but value {_shown(found.value)}")
    sound = _loads(text)
    if sound is not None and not found.fixes and not _same(sound[0], found.value):
        raise Broken(f"valid, but read as {_shown(found.value)}")


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except RecursionError:
        return "a value too deep to be shown"


def _loads(text: str) -> tuple[Any] | None:
    try:
        return (json.loads(text),)
    except (ValueError, RecursionError):
        return None


def _same(one: Any, other: Any) -> bool:
    """Equal, of one type all the way down, in the same order."""
    stack = [(one, other)]
    while stack:
        left, right = stack.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, dict):
            if list(left) != list(right):
                return False
            stack += zip(left.values(), right.values(), strict=True)
        elif isinstance(left, list):
            if len(left) != len(right):
                return False
            stack += zip(left, right, strict=True)
        elif left != right:
            return False
    return True


def _laws_of_the_fixes(text: str, found: Any, max_risk: float) -> None:
    parts: list[str] = []
    at = 0
    by_schema = False
    for fix in found.fixes:
        _law(0 <= fix.start <= fix.end <= len(text), f"out of the text: {fix}")
        _law(text[fix.start : fix.end] == fix.before, f"something else stands there: {fix}")
        _law(fix.code in repair.CODES, f"unknown: {fix}")
        if fix.code == "duplicate_key":  # JSON allows it: no risk was taken, and the text keeps it
            continue
        _law(0 <= fix.risk <= max_risk, f"too risky for {max_risk}: {fix}")
        if fix.code.startswith("coerced_") or fix.code in ("renamed_key", "schema_choice"):
            # made to the value, over the fixes of the text; a choice changes nothing by itself
            by_schema = by_schema or fix.code != "schema_choice"
            continue
        _law(at <= fix.start, f"out of order: {fix}")
        parts += (text[at : fix.start], fix.after)
        at = fix.end
    replayed = "".join((*parts, text[at:]))
    _law(by_schema or replayed == found.text, f"replaying gives {replayed!r}, not {found.text!r}")
    _law(0 <= found.confidence <= 1, f"confidence {found.confidence}")


def _second_time(found: Any) -> None:
    again = repair.parse(found.text)
    fixes = [fix for fix in again.fixes if fix.code != "duplicate_key"]
    _law(not fixes, f"a repaired text is repaired again: {fixes}")
    _law(again.text == found.text, f"{found.text!r} became {again.text!r}")


def _stream(text: str, whole: Any, options: dict[str, Any], choice: int) -> None:
    parser = repair.StreamParser(**options)
    step = 1 + choice // 64 % 40
    for at in range(0, len(text), step):
        parser.feed(text[at : at + step])
    closed = parser.close()
    if not _same(closed.value, whole.value):
        ends = f"the stream ends as {_shown(closed.value)}, the whole as {_shown(whole.value)}"
        raise Broken(ends)


# seeds


def seeds() -> Iterable[bytes]:
    """Small texts of every damage the benchmark knows, and the suite's own cases."""
    from benchmarks.repair.documents import DAMAGES, document
    from benchmarks.repair.shapes import HOSTILE, SHAPES
    from tests.repair.cases import CASES

    texts = [document(damage, 300).text for damage in DAMAGES]
    texts += [make(160) for make in SHAPES.values()]
    texts += [make(60) for _, make in HOSTILE.values()]
    texts += [case.input for case in CASES]
    for text in texts:
        yield text.encode("utf-8", "surrogatepass")[:LONGEST]


# searching


def guided(options: argparse.Namespace) -> int:
    """Search with atheris: the edits that reach new code are kept, in --corpus."""
    options.corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (options.corpus / f"seed-{number:04}").write_bytes(seed)
    words = options.found / "tokens.dict"
    lines = ["".join(f"\\x{byte:02x}" for byte in _bytes(token)) for token in TOKENS]
    words.write_text("".join(f'"{line}"\n' for line in lines), encoding="ascii")
    arguments = [
        sys.argv[0],
        f"-max_total_time={options.seconds}",
        f"-max_len={LONGEST}",
        f"-timeout={SECONDS_EACH}",
        f"-dict={words}",
        f"-artifact_prefix={options.found}/",
        "-print_final_stats=1",
        str(options.corpus),
    ]
    atheris.Setup(arguments, check)
    atheris.Fuzz()  # ends the process
    return 0


def blind(options: argparse.Namespace) -> int:
    """Search by random edits of the seeds; what breaks a law is written down, and counted."""
    chance = random.Random(options.seed)
    pool = list(seeds())
    until = time.monotonic() + options.seconds
    tried, wrong = 0, 0
    while time.monotonic() < until and wrong < options.most:
        data = _edited(chance, chance.choice(pool), pool)
        tried += 1
        started = time.monotonic()
        wrong += _reported(check, data, options.found)
        if time.monotonic() - started > SECONDS_EACH:
            wrong += _reported(_slow, data, options.found)
    print(f"{tried} texts tried, {wrong} broke a law")
    return 1 if wrong else 0


def _slow(data: bytes) -> None:
    raise Broken(f"{len(data)} bytes took more than {SECONDS_EACH} s")


def _reported(law: Callable[[bytes], None], data: bytes, folder: Path) -> int:
    try:
        law(data)
    except Exception as error:  # the point of the search
        path = folder / f"broken-{zlib.crc32(data):08x}"
        path.write_bytes(data)
        print(f"{path}: {type(error).__name__}: {str(error)[:300]}", flush=True)
        return 1
    return 0


def _bytes(token: str) -> bytes:
    return token.encode("utf-8", "surrogatepass")


def _edited(chance: random.Random, data: bytes, pool: list[bytes]) -> bytes:
    """``data`` after one to eight edits: a token put in, a piece cut, doubled or grafted."""
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.choice((1, 1, 1, 2, 5, 20, 80)))
        kind = chance.randrange(6)
        if kind <= 1:
            data = data[:at] + _bytes(chance.choice(TOKENS)) + data[at:]
        elif kind == 2:
            data = data[:at] + data[end:]
        elif kind == 3:
            data = data[:end] + data[at:end] * chance.choice((1, 1, 3, 50)) + data[end:]
        elif kind == 4:
            data = data[:at] + chance.randbytes(1) + data[end:]
        else:
            other = chance.choice(pool)
            start = chance.randint(0, len(other))
            data = data[:at] + other[start : start + chance.choice((5, 40, 400))] + data[end:]
    return data[:LONGEST]


def main() -> int:
    """Search, or run inputs again."""
    parser = argparse.ArgumentParser(prog="python fuzz/repair_target.py")
    home = ROOT / ".nox" / "fuzz" / "repair"
    parser.add_argument("files", nargs="*", type=Path, help="inputs to run again")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, default=home / "corpus")
    parser.add_argument("--found", type=Path, default=home / "found")
    parser.add_argument("--blind", action="store_true", help="random edits even with atheris")
    parser.add_argument("--seed", type=int, default=None, help="of the random edits")
    parser.add_argument("--most", type=int, default=20, help="stop after so many broken laws")
    options = parser.parse_args()
    for file in options.files:
        check(file.read_bytes())
        print(f"{file}: every law holds")
    if options.files:
        return 0
    options.found.mkdir(parents=True, exist_ok=True)
    wrong = sum(_reported(check, seed, options.found) for seed in seeds())
    if wrong:
        print(f"{wrong} seeds break a law: nothing to search for yet")
        return 1
    if atheris is None or options.blind:
        if atheris is None:
            print("atheris is not installed: random edits, without coverage to guide them")
        return blind(options)
    print(f"atheris {_version()}, {options.seconds} s")
    return guided(options)


def _version() -> str:
    code = "import importlib.metadata as m; print(m.version('atheris'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
