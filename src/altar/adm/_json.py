"""JSON texts read and written under a bound: no recursion error, no NaN, no name twice."""

from __future__ import annotations

import json
import re
from json.decoder import JSONDecodeError
from math import isfinite
from typing import Any, Literal, NoReturn

from altar.adm._kinds import is_a
from altar.adm._locate import locate, position
from altar.adm._problem import Problem, json_path
from altar.errors import InvalidDataError

__all__ = ["MAX_DEPTH", "dumps", "json_problems", "loads"]

MAX_DEPTH = 128
MAX_CHARS = 32 * 1024 * 1024
MAX_DIGITS = 4300  # what Python itself converts by default (sys.int_info), fixed here
# Past this length a fault keeps its position but not its path: the scan costs a second per 3 MB.
_LOCATE_CHARS = 1024 * 1024
_INT64 = range(-(2**63), 2**63)
_MAX_PROBLEMS = 64

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _RefusedError(ValueError):
    """Raised by a decoder hook; the scanner then finds out where."""


def loads(
    text: str | bytes | bytearray,
    *,
    max_depth: int = MAX_DEPTH,
    max_chars: int = MAX_CHARS,
    duplicates: Literal["refuse", "last"] = "refuse",
) -> Any:
    """Read one JSON value, stricter than :func:`json.loads`.

    Refuses nesting past ``max_depth``, more than ``max_chars`` characters (or
    bytes), a name twice in an object (unless ``duplicates="last"``, where the
    last one counts as it does in Python), NaN and infinities (``1e999`` too),
    lone surrogates, integers of more than 4,300 digits, and bytes that are
    no UTF-8. One leading byte order mark is skipped. Time and memory are
    linear in the text.

    Raises InvalidDataError that names path, line, column and character.
    """
    source = _as_text(text, max_chars)
    try:
        value = (_decoder if duplicates == "refuse" else _lenient).decode(source)
    except RecursionError:
        _refuse(source, max_depth, None)
    except ValueError as error:
        _refuse(source, max_depth, error)
    if _suspicious(source, max_depth):
        problems = json_problems(value, max_depth=max_depth, any_integer=True)
        if problems:
            _refuse(source, max_depth, None, problems)
    return value


def dumps(value: Any, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """Write one JSON value; compact unless ``indent`` is given.

    Raises InvalidDataError with the path of every part that is no JSON: NaN,
    infinities, lone surrogates, names that are no strings, foreign objects.
    """
    separators = (",", ":") if indent is None else None
    try:
        text = json.dumps(
            value,
            allow_nan=False,
            ensure_ascii=ascii_only,
            indent=indent,
            separators=separators,
        )
    except (TypeError, ValueError, RecursionError):
        text = ""
    # json.dumps turns numbers into names, and writes surrogates as they are
    problems = json_problems(value, any_integer=True)
    if problems or not text:
        unwritable = Problem("$", "a JSON value", type(value).__name__, keyword="type")
        raise InvalidDataError("JSON", problems or [unwritable])
    return text


def json_problems(
    value: Any,
    *,
    path: tuple[str | int, ...] = (),
    max_depth: int = MAX_DEPTH,
    any_integer: bool = False,
) -> list[Problem]:
    """Everything in a Python value that is no JSON altar accepts, each with its path.

    Looks for objects of other types, names that are no strings, NaN and
    infinities, lone surrogates, nesting past ``max_depth`` (cycles too) and,
    unless ``any_integer``, integers outside 64 bits. At most 64 are listed.
    """
    problems: list[Problem] = []
    deepest: dict[int, int] = {}  # shared containers are walked again only where they lie deeper
    stack: list[tuple[Any, Any, int]] = [(value, None, 0)]
    while stack and len(problems) < _MAX_PROBLEMS:
        item, link, depth = stack.pop()
        if isinstance(item, (dict, list, tuple)):
            if depth >= max_depth:
                limit = f"at most {max_depth} levels of nesting"
                at = _path(path, link)
                problems.append(Problem(at, limit, f"level {depth + 1}", keyword="depth"))
            elif deepest.get(id(item), -1) < depth:
                deepest[id(item)] = depth
                _open(item, link, depth, stack, problems, path)
            continue
        fault = _scalar_fault(item, any_integer)
        if fault is not None:
            problems.append(Problem(_path(path, link), fault[0], fault[1], keyword=fault[2]))
    return problems


def _open(
    item: Any,
    link: Any,
    depth: int,
    stack: list[tuple[Any, Any, int]],
    problems: list[Problem],
    path: tuple[str | int, ...],
) -> None:
    pairs = list(item.items() if isinstance(item, dict) else enumerate(item))
    for name, inner in reversed(pairs):
        stack.append((inner, (link, name), depth + 1))
    if not isinstance(item, dict):
        return
    for name in item:
        if not isinstance(name, str):
            got = f"{type(name).__name__} {ascii(name)[:60]}"
            at = _path(path, link)
            problems.append(Problem(at, "names that are strings", got, keyword="type"))
        elif not name.isascii() and _SURROGATE.search(name):
            at = _path(path, (link, name))
            problems.append(Problem(at, "Unicode text", "a lone surrogate", keyword="surrogate"))


def _scalar_fault(item: Any, any_integer: bool) -> tuple[str, str, str] | None:
    if isinstance(item, str):
        if not item.isascii() and _SURROGATE.search(item):
            return "Unicode text", "a lone surrogate", "surrogate"
    elif item is None or isinstance(item, bool):
        return None
    elif isinstance(item, int):
        if not any_integer and item not in _INT64:
            return "a 64-bit signed integer", f"an integer of {item.bit_length()} bits", "maximum"
    elif isinstance(item, float):
        if not isfinite(item):
            return "a finite number", repr(item), "type"
    else:
        return "a JSON value", type(item).__name__, "type"
    return None


def _path(prefix: tuple[str | int, ...], link: Any) -> str:
    steps: list[str | int] = []
    while link is not None:
        link, step = link
        steps.append(step if isinstance(step, (str, int)) else str(step))
    return json_path([*prefix, *reversed(steps)])


def _as_text(text: str | bytes | bytearray, max_chars: int) -> str:
    if not is_a(text, str, bytes, bytearray):
        got = type(text).__name__
        raise InvalidDataError("JSON", [Problem("$", "a text or its bytes", got, keyword="type")])
    if len(text) > max_chars:
        expected = f"at most {max_chars:,} characters"
        raise InvalidDataError(
            "JSON", [Problem("$", expected, f"{len(text):,}", keyword="maxLength")]
        )
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return bytes(text).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        got = f"byte 0x{error.object[error.start]:02x} at offset {error.start}"
        problem = Problem("$", "UTF-8 text", got, keyword="encoding")
        raise InvalidDataError("JSON", [problem]) from error


def _suspicious(source: str, max_depth: int) -> bool:
    """True when a text that was decoded may still hold a lone surrogate or nest too deeply."""
    if not source.isascii() and _SURROGATE.search(source):
        return True
    if "\\u" in source and _ESCAPED_SURROGATE.search(source):
        return True
    return source.count("[") + source.count("{") > max_depth


def _refuse(
    source: str, max_depth: int, error: ValueError | None, known: list[Problem] | None = None
) -> NoReturn:
    problem = None
    if len(source) <= _LOCATE_CHARS:
        problem = locate(source, max_depth=max_depth, max_digits=MAX_DIGITS)
    if problem is not None:
        raise InvalidDataError("JSON", [problem]) from None
    if known:
        raise InvalidDataError("JSON", known) from None
    if error is None:
        fallback = Problem("$", f"at most {max_depth} levels of nesting", "more", keyword="depth")
    elif isinstance(error, JSONDecodeError):
        where = position(source, error.pos)
        reason = error.msg.removesuffix(" at")
        fallback = Problem("$", "valid JSON", f"{reason} at {where}", keyword="syntax")
    else:
        fallback = Problem("$", "valid JSON", str(error), keyword="syntax")
    raise InvalidDataError("JSON", [fallback]) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        left = dict.fromkeys(made, 1)
        twice = next(name for name, _ in pairs if left.pop(name, 0) == 0)
        raise _RefusedError(f"the name {ascii(twice)[:60]} twice in an object")
    return made


def _integer(digits: str) -> int:
    if len(digits) - digits.startswith("-") > MAX_DIGITS:
        raise _RefusedError(f"an integer of {len(digits)} digits")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise _RefusedError(f"the number {digits[:24]}, outside the range of a double")
    return number


def _constant(word: str) -> NoReturn:
    raise _RefusedError(f"{word}, which is no JSON number")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_number,
    parse_constant=_constant,
)
_lenient = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=_constant)
