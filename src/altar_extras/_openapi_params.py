"""Parameters: how OpenAPI writes a value into a path, a query, a header or a cookie.

The rules are those of the style table in OpenAPI 3.1.1, which are RFC 6570's.
What would make two values read alike is refused instead: an empty path
segment, a bar in an item of a list that bars separate.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from altar.errors import ErrorType, ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

__all__ = [
    "STYLES",
    "Parameter",
    "Target",
    "is_token",
    "may_be_set",
    "refuse",
    "refuse_fields",
    "scalar",
    "style_pairs",
    "write",
]

STYLES = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
_RESERVED = ":/?@!$'()*,;"  # those that cannot end a query's pair, or the query itself
_CONTROLS = {
    *("host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"),
    *(
        "expect",
        "cookie",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "http2-settings",
    ),
}
_BETWEEN = {"spaceDelimited": " ", "pipeDelimited": "|", "form": ","}


class Parameter(NamedTuple):
    """One parameter: ``argument`` is its name for the model, ``name`` that on the wire.

    ``as_json`` is True for one whose value is written as JSON text.
    """

    argument: str
    name: str
    place: str
    style: str
    explode: bool
    reserved: bool
    as_json: bool
    required: bool


class Target(NamedTuple):
    """Where the values of a call go, filled in by :func:`write`."""

    path: dict[str, str]
    query: list[str]
    headers: dict[str, str]
    cookies: list[str]


def write(
    parameter: Parameter, value: Any, target: Target, taken: Container[str] = frozenset()
) -> None:
    """Put one argument where it belongs. Raises ToolError where it cannot be said there.

    ``taken`` holds what fields of an object would stand beside and may not be named by,
    secrets too: each its place and its name, in lower case.
    """
    place = parameter.place
    if value is None and not parameter.as_json:
        if parameter.required:
            refuse(parameter.argument, "a value other than null", "null")
        return
    if parameter.as_json:
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if place == "path":
        target.path[parameter.name] = _path(parameter, value)
    elif place == "header":
        target.headers[parameter.name] = _header(parameter, value)
    else:
        if parameter.explode and parameter.style != "deepObject":
            fields = value.keys() - {parameter.name} if isinstance(value, dict) else ()
            refuse_fields(parameter.argument, fields, taken, f"{place} ")
        pairs = style_pairs(
            parameter.name,
            value,
            style=parameter.style,
            explode=parameter.explode,
            reserved=parameter.reserved,
            argument=parameter.argument,
        )
        (target.query if place == "query" else target.cookies).extend(pairs)


def refuse(argument: str, expected: str, got: str) -> Any:
    """Raise the ToolError for an argument that its place cannot carry."""
    problem = {"path": f"$.{argument}", "expected": expected, "got": got, "keyword": "style"}
    raise ToolError(
        f"1 argument is wrong. $.{argument}: expected {expected}, got {got}",
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        details={"problems": [problem]},
    )


def refuse_fields(argument: str, fields: Iterable[str], taken: Container[str], place: str) -> None:
    """Refuse fields that are written beside others, of which one has this name already."""
    for name in fields:
        if place + name.lower() in taken:
            refuse(argument, "fields that nothing else is named by", repr(name))


def is_token(name: str) -> bool:
    """Whether a header or a cookie may have this name."""
    plain = name.isascii() and all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in name)
    return bool(name) and plain


def may_be_set(name: str) -> bool:
    """Whether a call may set this header: none that rules the connection."""
    return is_token(name) and name.lower() not in _CONTROLS


def scalar(value: Any) -> str:
    """A value as text: JSON's words for booleans and null, JSON for what is nested."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def style_pairs(
    name: str,
    value: Any,
    *,
    style: str,
    explode: bool,
    reserved: bool,
    argument: str,
) -> list[str]:
    """``name=value`` pairs of a query, a cookie or a form, encoded."""
    key = _encoded(name)
    encode = _reserving if reserved else _encoded
    if style == "deepObject" and isinstance(value, dict):
        return list(_deep(name, value, encode))
    if isinstance(value, dict) and explode:
        return [f"{_encoded(k)}={encode(scalar(v))}" for k, v in value.items() if v is not None]
    if isinstance(value, list) and (explode or style == "deepObject"):
        return [f"{key}={encode(scalar(item))}" for item in value]
    if isinstance(value, (list, dict)):
        between = _BETWEEN[style]
        items = _flat(value)
        if between != "," and any(between in item for item in items):
            got = "one that has it"
            refuse(argument, f"items without {between!r}, which separates them", got)
        return [f"{key}={(',' if between == ',' else quote(between)).join(map(_encoded, items))}"]
    return [f"{key}={encode(scalar(value))}"]


def _path(parameter: Parameter, value: Any) -> str:
    name = _encoded(parameter.name)
    style, explode = parameter.style, parameter.explode
    is_many = isinstance(value, (list, dict))
    if style == "matrix":
        if not is_many or not explode:
            text = ",".join(map(_encoded, _flat(value))) if is_many else _encoded(scalar(value))
            return f";{name}={text}" if text else f";{name}"
        if isinstance(value, dict):
            return "".join([f";{_encoded(k)}={_encoded(scalar(v))}" for k, v in value.items()])
        return "".join([f";{name}={_encoded(scalar(item))}" for item in value])
    if is_many and explode and isinstance(value, dict):
        items = [f"{_encoded(k)}={_encoded(scalar(v))}" for k, v in value.items()]
    else:
        items = list(map(_encoded, _flat(value) if is_many else [scalar(value)]))
    if style == "label":
        if explode:
            items = [item.replace(".", "%2E") for item in items]
        return "." + ("." if explode else ",").join(items)
    text = ",".join(items)
    return text or refuse(parameter.argument, "a value that is not empty", "an empty one")


def _header(parameter: Parameter, value: Any) -> str:
    if isinstance(value, dict) and parameter.explode:
        parts = [(scalar(k), scalar(v)) for k, v in value.items()]
        items = [f"{k}={v}" for k, v in parts]
        bad = any("," in text or "=" in text for pair in parts for text in pair)
    elif isinstance(value, (list, dict)):
        items = _flat(value)
        bad = any("," in item for item in items)
    else:
        items, bad = [scalar(value)], False
    if bad:
        refuse(parameter.argument, "parts without ',' and '='", "one that has them")
    text = ",".join(items)
    if not (text.isascii() and text.isprintable()) or text != text.strip():
        refuse(parameter.argument, "printable ASCII text for a header", "other characters")
    return text


def _flat(value: Any) -> list[str]:
    """A list's items, or an object's names and values in turn, as texts."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, scalar(item))]
    return [scalar(item) for item in value]


def _deep(name: str, value: Any, encode: Callable[[str], str]) -> Any:
    for key, item in value.items():
        inner = f"{name}[{key}]"
        if isinstance(item, dict):
            yield from _deep(inner, item, encode)
            continue
        for one in item if isinstance(item, list) else [item]:
            if one is not None:
                yield f"{_encoded(inner)}={encode(scalar(one))}"


def _encoded(text: str) -> str:
    return quote(text, safe="-._~", errors="replace")


def _reserving(text: str) -> str:
    return quote(text, safe=_RESERVED + "-._~", errors="replace")
