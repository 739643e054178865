"""Secrets: who may be asked for them, where they go in a request, and where they never show."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from altar.errors import ConfigurationError, ErrorType, ToolError
from altar_extras._openapi_library import UncarriedError, a_list, a_mapping, short
from altar_extras._openapi_params import is_token, may_be_set

if TYPE_CHECKING:
    from altar_extras._openapi_library import Library
    from altar_extras._openapi_params import Target

__all__ = ["Scheme", "Secret", "Secrets", "Veil", "schemes_of", "sign"]

Secret = str | tuple[str, str] | Callable[[], "str | tuple[str, str]"]
"""A key or token; ``(user, password)`` for HTTP basic; or a function that gives one per call."""

_SHORTEST = 4
_ESCAPE = re.compile("%[0-9A-F]{2}")
_HIDDEN = "[secret]"
_SCRIPTED = {ord(c): f"\\u{ord(c):04X}" for c in "+&<>'`\""}


class Scheme(NamedTuple):
    """How one secret is sent: ``kind`` is "header", "query", "cookie", "basic" or "bearer"."""

    name: str
    kind: str
    field: str


class Veil:
    """Hides the secrets of one call in whatever comes back."""

    __slots__ = ("_spellings",)

    def __init__(self) -> None:
        self._spellings: list[str] = []  # the longest first

    def cover(self, secret: str) -> None:
        """Hide this text, in each of its usual spellings, from now on."""
        if len(secret) < _SHORTEST:
            return
        in_json = json.dumps(secret)[1:-1]
        quoted = quote(secret, safe="", errors="replace")
        lowered = _ESCAPE.sub(lambda found: found[0].lower(), quoted)
        spelled = {
            *(secret, quoted, lowered, quote(secret, errors="replace"), html.escape(secret)),
            *(in_json, in_json.replace("/", "\\/"), secret.translate(_SCRIPTED)),
            b64encode(secret.encode("utf-8", "replace")).decode(),
        }
        self._spellings = sorted({*self._spellings, *spelled}, key=len, reverse=True)

    def over(self, text: str) -> str:
        """``text`` without them."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, _HIDDEN)
        return text

    def over_bytes(self, data: bytes) -> bytes:
        """``data`` without them, in the codings that texts mostly have."""
        for spelling in self._spellings:
            for coding in ("utf-8", "utf-16-le", "utf-16-be"):
                data = data.replace(spelling.encode(coding, "replace"), _HIDDEN.encode(coding))
        return data

    def over_value(self, value: Any) -> Any:
        """A JSON value without them: in its texts and keys, not in its numbers."""
        if not self._spellings:
            return value
        if isinstance(value, str):
            return self.over(value)
        if isinstance(value, dict):
            return {self.over(name): self.over_value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.over_value(item) for item in value]
        return value


class Secrets:
    """What the application gave: a mapping by scheme name, or a function of that name."""

    __slots__ = ("_given",)

    def __init__(self, given: Any) -> None:
        if given is not None and not isinstance(given, Mapping) and not callable(given):
            raise ConfigurationError(
                f"import_tools(secrets={type(given).__name__}): give a mapping of scheme names to "
                "secrets, or a function of a scheme's name"
            )
        for name, secret in given.items() if isinstance(given, Mapping) else ():
            if not (_is_secret(secret) or callable(secret)):
                raise ConfigurationError(
                    f"import_tools(secrets={{{name!r}: ...}}): give a text, (user, password), or a "
                    "function that gives one"
                )
        self._given = given

    @property
    def names(self) -> set[str]:
        """The schemes that were named."""
        return set(self._given) if isinstance(self._given, Mapping) else set()

    def has(self, name: str) -> bool:
        """Whether there may be a secret for this scheme."""
        return name in self._given if isinstance(self._given, Mapping) else callable(self._given)

    def get(self, name: str) -> Any:
        """The secret, or None; raises ToolError where the application's function fails."""
        try:
            given: Any = self._given
            found = given[name] if isinstance(given, Mapping) else given(name)
            found = found() if callable(found) else found
        except Exception:  # noqa: BLE001 - its text, or a variable of its frames, may be the secret
            raise _unset(name, "could not be had") from None
        if found is not None and not _is_secret(found):
            raise _unset(name, "is no text")
        return found

    def __repr__(self) -> str:
        return f"<Secrets for {sorted(self.names)}>"


def schemes_of(
    needed: Any, known: Any, library: Library, secrets: Secrets
) -> tuple[tuple[Scheme, ...], ...]:
    """The ways to sign an operation that secrets were given for; () where it needs none.

    ``needed`` is its ``security``, ``known`` the document's securitySchemes.
    """
    ways = a_list(needed, "security")
    found, missing = [], []
    for way in ways:
        names = list(a_mapping(way, "a way of security"))
        lacking = [name for name in names if not secrets.has(name)]
        if lacking:
            missing.append(" and ".join(lacking))
            continue
        found.append(tuple([_scheme(name, known, library) for name in names]))
    if ways and not found:
        first = missing[0].partition(" and ")[0]
        raise UncarriedError(
            f"it needs a secret for {' or '.join(missing)}; type secrets={{{first!r}: ...}}"
        )
    return tuple(sorted(found, key=len, reverse=True))


def sign(
    ways: tuple[tuple[Scheme, ...], ...], secrets: Secrets, target: Target, veil: Veil
) -> None:
    """Put the secrets of the first way that has them all into a request."""
    missing = ""
    for way in ways:
        values = [(scheme, secrets.get(scheme.name)) for scheme in way]
        lacking = [scheme.name for scheme, value in values if value is None]
        if not lacking:
            for scheme, value in values:
                _put(scheme, value, target, veil)
            return
        missing = missing or lacking[0]
    if missing:
        raise _unset(missing, "was not given")


def _put(scheme: Scheme, value: Any, target: Target, veil: Veil) -> None:
    for text in [value] if isinstance(value, str) else [":".join(value), value[1]]:
        veil.cover(text)
    if scheme.kind == "basic":
        pair = value if isinstance(value, str) else ":".join(value)
        word = b64encode(pair.encode()).decode()
        veil.cover(word)
        veil.cover(pair.partition(":")[2])
        target.headers["Authorization"] = f"Basic {word}"
        return
    if not isinstance(value, str):
        raise _unset(scheme.name, "is a pair, which only HTTP basic takes")
    if scheme.kind in ("header", "bearer") and not (value.isascii() and value.isprintable()):
        raise _unset(scheme.name, "has characters that no header may have")
    if scheme.kind == "bearer":
        target.headers["Authorization"] = f"Bearer {value}"
    elif scheme.kind == "header":
        target.headers[scheme.field] = value
    else:
        pair = f"{quote(scheme.field, safe='')}={quote(value, safe='')}"
        (target.query if scheme.kind == "query" else target.cookies).append(pair)


def _scheme(name: str, known: Any, library: Library) -> Scheme:
    if not isinstance(known, dict) or name not in known:
        raise UncarriedError(f"its security names the scheme {short(name)}, which is not there")
    scheme, _ = library.resolved(known[name], "", f"the security scheme {short(name)}")
    kind = scheme.get("type")
    if kind == "apiKey" and scheme.get("in") in ("header", "query", "cookie"):
        field = scheme.get("name")
        sound = is_token if scheme["in"] == "cookie" else may_be_set
        if isinstance(field, str) and field and (scheme["in"] == "query" or sound(field)):
            return Scheme(name, scheme["in"], field)
        raise UncarriedError(f"the security scheme {short(name)} has no name that can be sent")
    word = str(scheme.get("scheme", "")).lower()
    if kind == "http" and word in ("basic", "bearer"):
        return Scheme(name, word, "Authorization")
    if kind in ("oauth2", "openIdConnect"):
        return Scheme(name, "bearer", "Authorization")
    raise UncarriedError(
        f"the security scheme {short(name)} is not one of apiKey, http basic, http bearer, oauth2 "
        "and openIdConnect"
    )


def _is_secret(value: object) -> bool:
    if isinstance(value, tuple):
        return len(value) == 2 and all(isinstance(part, str) for part in value)
    return isinstance(value, str)


def _unset(name: str, what: str) -> ToolError:
    return ToolError(
        f"The application's secret for {name!r} {what}.", type=ErrorType.CONFIGURATION_ERROR
    )
