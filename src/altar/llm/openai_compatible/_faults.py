"""What went wrong on the way to a server, as altar's errors, each with what to do about it."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping
from html import unescape
from typing import TYPE_CHECKING, Any

from altar.errors import (
    BadRequestError,
    ProviderTimeoutError,
    StreamBrokenError,
    TransportError,
    UnsupportedError,
)
from altar.llm import redacted, without_key
from altar.llm.openai_compatible._reader import chat_failure

if TYPE_CHECKING:
    from altar.errors import ProviderError
    from altar.llm.openai_compatible._address import Address, Proxy
    from altar.llm.openai_compatible._line import Watch

__all__ = ["Faults", "glimpse", "opening"]

_SHOWN = 80
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_LACKS = re.compile(r"does not support (?:tools|thinking|images|vision|chat)", re.IGNORECASE)


def opening(text: bytes | str) -> str:
    """The first 80 characters of a text, on one line and without secrets."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    short = redacted(" ".join(said[: 4 * _SHOWN].split()))[:_SHOWN]
    return repr(short)


def glimpse(text: bytes | str) -> str:
    """What a body is that nobody can read: the title of a page, else how the text begins."""
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    return _page(data) if b"<" in data[:512] else opening(data)


class Faults:
    """Names the faults of one provider's connections; every error says where it happened."""

    def __init__(
        self, name: str, address: Address, variable: str, key_variable: str, *, key: str = ""
    ) -> None:
        self._key = key
        self._name = name
        self._address = address
        self._variable = variable
        self._key_variable = key_variable

    def unreachable(self, error: OSError, watch: Watch, proxy: Proxy | None) -> ProviderError:
        """No connection, so nothing was sent."""
        ended = self._ended(watch, sent=False)
        if ended is not None:
            return ended
        where = self._address.shown
        if proxy is not None:
            message = f"no way to {where} through the proxy {proxy.host}:{proxy.port}: {error}"
            hint = f"{proxy.variable} names it; NO_PROXY={self._address.host} goes past it."
        elif isinstance(error, ssl.SSLError):
            return self._no_trust(error)
        else:
            reason = "no connection in time" if isinstance(error, TimeoutError) else str(error)
            message = f"no server at {where}: {reason}"
            hint = (
                f"Start one (Ollama: type 'ollama serve'), or set {self._variable} to the address "
                "of the one you have."
            )
        kind = ProviderTimeoutError if isinstance(error, TimeoutError) else TransportError
        return self._error(kind, message, sent=False, hint=hint)

    def _no_trust(self, error: ssl.SSLError) -> ProviderError:
        where = self._address.shown
        if isinstance(error, ssl.SSLCertVerificationError):
            message = f"the certificate of {where} is not trusted: {error.verify_message}"
            hint = "Set SSL_CERT_FILE to the certificate of the authority that signed it."
        else:
            message = f"no TLS with {where}: {error.reason or error}"
            hint = f"If the server speaks plain HTTP, {self._variable} must begin with http://."
        fault = self._error(TransportError, message, sent=False, hint=hint)
        fault.retryable = False  # it will be the same the next time
        return fault

    def refused_by_proxy(self, proxy: Proxy, status: int, reason: str) -> ProviderError:
        """A proxy that opens no tunnel."""
        hint = (
            f"{proxy.variable} names it; put user and password there where it wants them "
            f"(http://user:password@host:port), or NO_PROXY={self._address.host} to go past it."
        )
        message = (
            f"the proxy {proxy.host}:{proxy.port} opens no way to {self._address.shown}: "
            f"{status} {reason}"
        )
        fault = self._error(TransportError, message, sent=False, hint=hint)
        fault.retryable = status >= 500
        return fault

    def lost(self, error: Exception, watch: Watch, *, sent: bool) -> ProviderError:
        """A connection that broke before there was an answer."""
        ended = self._ended(watch, sent=sent)
        if ended is not None:
            return ended
        where = self._address.shown
        if isinstance(error, TimeoutError):
            message = f"{where} said nothing for {watch.silence:g} seconds"
            hint = "A model that is being loaded may take longer: LocalProvider(timeout=...)."
            return self._error(ProviderTimeoutError, message, sent=sent, hint=hint)
        if isinstance(error, OSError):
            why = "closed the connection without an answer"
            return self._error(TransportError, f"{where} {why}: {_reason(error)}", sent=sent)
        hint = f"{self._variable} says where the server is; https:// must be written out."
        message = f"{where} speaks no HTTP that can be read: {_reason(error)}"
        return self._error(StreamBrokenError, message, hint=hint)

    def broken(self, error: Exception | str, watch: Watch) -> ProviderError:
        """An answer that stopped in the middle."""
        ended = self._ended(watch, sent=True, in_stream=True)
        if ended is not None:
            return ended
        if isinstance(error, TimeoutError):
            message = f"the answer stopped: nothing came for {watch.silence:g} seconds"
            return self._error(ProviderTimeoutError, message, in_stream=True)
        reason = error if isinstance(error, str) else _reason(error)
        message = f"the answer of {self._address.shown} stopped in the middle: {reason}"
        return self._error(StreamBrokenError, message, in_stream=True)

    def garbage(self, what: str, text: bytes | str, *, in_stream: bool = False) -> ProviderError:
        """An answer that is none."""
        message = f"{self._address.shown} answered {what}, which begins {opening(text)}"
        hint = f"Does {self._variable} end in /v1, and is a model server there?"
        return self._error(StreamBrokenError, message, in_stream=in_stream, hint=hint)

    def too_long(self, limit: int) -> ProviderError:
        """An answer longer than anybody should hold."""
        size = f"{limit // 2**20} MB" if limit >= 2**20 else f"{limit} bytes"
        message = f"the answer of {self._address.shown} is longer than {size}"
        fault = self._error(StreamBrokenError, message, in_stream=True)
        fault.retryable = False
        return fault

    def redirected(self, status: int, location: str) -> ProviderError:
        """A redirect, which is not followed: a key would go where nobody meant it to."""
        hint = f"Set {self._variable} to the address that is meant, and check who names it."
        target = opening(location.partition("?")[0])
        message = f"{self._address.shown} sends to another address, {target}"
        return self._error(BadRequestError, f"{message} (HTTP {status})", status=status, hint=hint)

    def answered(
        self, status: int, headers: Mapping[str, str], text: bytes, model: str
    ) -> ProviderError:
        """An error that the server itself told."""
        body = without_key(_json(text), self._key)
        headers = without_key(headers, self._key)
        if body is None:
            said = without_key(text.decode("utf-8", "replace"), self._key)
            body = {"error": f"no JSON but {glimpse(said)}"}
        fault = chat_failure(
            body,
            self._name,
            status=status,
            headers=headers,
            hint=self._hint(status, repr(body), model),
        )
        if status == 404 and "model" not in repr(body).lower():
            hint = f"{self._variable} must end in the path of the API, mostly /v1."
            message = f"nothing answers at {self._address.shown}: {fault.message}"
            return self._error(BadRequestError, message, status=404, hint=hint)
        if _LACKS.search(fault.message):
            return UnsupportedError(
                fault.message,
                provider=self._name,
                status=status,
                hint="Use another model, or leave it out.",
                raw=body,
            )
        return fault

    def _hint(self, status: int, said: str, model: str) -> str:
        if status in (401, 403):
            return f"Set {self._key_variable} to the server's key."
        if "pull" in said or self._address.port == 11434:
            return f"Type 'ollama pull {model}', or 'ollama list' to see what is there."
        return f"GET {self._address.shown}/models lists what it has."

    def _ended(self, watch: Watch, *, sent: bool, in_stream: bool = False) -> ProviderError | None:
        """The error of an attempt that altar itself ended."""
        if watch.closed:
            message = "the provider was closed before the model had answered"
            return self._error(TransportError, message, sent=sent, in_stream=in_stream)
        if watch.interrupted:
            message = "the run ended before the model had answered"
            return self._error(TransportError, message, sent=sent, in_stream=in_stream)
        if watch.expired:
            message = "the run's time was up before the model had answered"
            return self._error(ProviderTimeoutError, message, sent=sent, in_stream=in_stream)
        return None

    def _error(
        self, kind: type[ProviderError], message: str, *, hint: str = "", **facts: Any
    ) -> ProviderError:
        said = f"{self._name}: {message}" + ("." if hint and message[-1:] != "." else "")
        return kind(said, provider=self._name, hint=hint, **facts)


def _reason(error: Exception) -> str:
    return redacted(str(error))[:200] or type(error).__name__


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _page(text: bytes) -> str:
    """A page of HTML: its title, else its first words."""
    page = text.decode("utf-8", "replace")
    title = _TITLE.search(page)
    return f"an HTML page: {opening(unescape(title[1] if title else _TAG.sub(' ', page)))}"
