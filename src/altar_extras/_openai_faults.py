"""Faults of the wire to OpenAI, the vendor's and its HTTP library's, as altar's errors."""

from __future__ import annotations

import json
from traceback import format_exception
from typing import TYPE_CHECKING, Any

import openai

from altar.errors import (
    AltarError,
    BadRequestError,
    ProviderError,
    ProviderTimeoutError,
    StreamBrokenError,
    TransportError,
)
from altar.llm import redacted, without_key
from altar.llm.openai_compatible import chat_failure, glimpse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai import AsyncOpenAI, AsyncStream

__all__ = ["KEY_HINT", "Faults"]

KEY_HINT = (
    "Set the environment variable OPENAI_API_KEY to a key of https://platform.openai.com/api-keys, "
    "or pass key=; OPENAI_BASE_URL points it elsewhere."
)
_MODEL_HINT = (
    "Check the model's name, that this key may use it, and that OPENAI_BASE_URL, where it is set, "
    "ends in the path of the API (/v1)."
)
_UNSENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "InvalidURL"}
)
_MOST_TOLD = 65_536  # characters read of a body that is no stream


class Faults:
    """Names what goes wrong for the provider ``name``, and never repeats its client's key."""

    def __init__(self, name: str, client: AsyncOpenAI) -> None:
        self._name = name
        self._client = client

    def bare(self, said: Any) -> Any:
        """What a server or a library said, without the key."""
        return without_key(said, getattr(self._client, "api_key", None))

    def glimpse(self, said: Any) -> str:
        """How a body begins that cannot be used."""
        return glimpse(self.bare(said if isinstance(said, str) else json.dumps(said)))

    def cause(self, error: Exception) -> Exception | None:
        """What a fault is chained to: nothing, where that would print a key."""
        told = "".join(format_exception(error))
        return error if self.bare(told) == told and not _is_unsendable(error) else None

    def unread(self, message: str, *, begun: bool = False) -> ProviderError:
        """An answer that is none."""
        return self._error(
            StreamBrokenError,
            message,
            in_stream=begun,
            hint="Is the base URL that of an OpenAI API?",
        )

    async def check_events(self, stream: AsyncStream[object]) -> None:
        """Raise what a body says that is no stream: the stream's reader would see nothing in it."""
        response = stream.response
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in ("text/event-stream", ""):
            return
        text = ""
        async for piece in response.aiter_text():
            text += piece
            if len(text) >= _MOST_TOLD:
                break
        text = self.bare(text)
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict) and body.get("error"):
            raise chat_failure(
                body, self._name, status=response.status_code, headers=response.headers
            )
        raise self.unread(f"no events came but {kind}: {glimpse(text)}")

    def of(self, error: Exception, *, begun: bool) -> Exception:
        """An error of the client as one of altar's; one that is none of its faults as it is."""
        if isinstance(error, AltarError):
            return error
        if isinstance(error, openai.APIStatusError):
            return self._answered(error)
        names = _names(error)
        if _is_unsendable(error):
            return self._error(
                BadRequestError,
                "a header cannot be sent: it has letters beyond ASCII, or lines",
                sent=False,
                hint=f"Look at the client's key and at settings[{self._name!r}]['headers'].",
            )
        if isinstance(error, RuntimeError) and "closed" in str(error):
            return self._error(TransportError, "the client was closed", sent=False, in_stream=begun)
        if isinstance(error, openai.APITimeoutError) or "TimeoutException" in names:
            message = f"nothing came in time{self._about(error)}"
            sent = not names & _UNSENT
            return self._error(ProviderTimeoutError, message, sent=sent, in_stream=begun)
        if isinstance(error, openai.APIConnectionError) or "TransportError" in names:
            return self._lost(error, names, begun=begun)
        if isinstance(error, openai.APIError):  # an error event in a stream
            said = error.body if isinstance(error.body, dict) else error.message
            return chat_failure(self.bare(said), self._name, in_stream=True, hint=KEY_HINT)
        if isinstance(error, (ValueError, UnicodeError)):
            told = redacted(self.bare(str(error)))[:120]
            return self.unread(f"the answer is no JSON: {told}", begun=begun)
        return error

    def _lost(self, error: Exception, names: frozenset[str], *, begun: bool) -> ProviderError:
        about = self._about(error)
        if begun:
            message = f"the connection broke in the middle of the answer{about}"
            return self._error(StreamBrokenError, message, in_stream=True)
        return self._error(
            TransportError,
            f"no connection to {self._host}{about}",
            sent=not names & _UNSENT,
            hint="Check the network, and OPENAI_BASE_URL where it is set.",
        )

    def _answered(self, error: openai.APIStatusError) -> ProviderError:
        """What a server said with its status."""
        response, status = error.response, error.status_code
        headers = self.bare(dict(response.headers))
        if 300 <= status < 400:
            where = glimpse(str(headers.get("location", "")).partition("?")[0])
            return self._error(
                BadRequestError,
                f"{self._host} sends to another address, {where} (HTTP {status})",
                status=status,
                hint="Set OPENAI_BASE_URL to the address that is meant, and check who names it.",
            )
        said = self.bare(error.body)
        if not isinstance(said, dict):
            said = {"error": f"no JSON object but {glimpse(self.bare(response.text))}"}
        hint = _MODEL_HINT if status == 404 else KEY_HINT
        return chat_failure(said, self._name, status=status, headers=headers, hint=hint)

    @property
    def _host(self) -> str:
        return self._client.base_url.host or str(self._client.base_url)

    def _about(self, error: BaseException) -> str:
        told = self.bare(str(error.__cause__ or error))
        return f": {redacted(told)[:200]}" if told else ""

    def _error(self, kind: type[ProviderError], message: str, **facts: Any) -> ProviderError:
        return kind(f"{self._name}: {message}", provider=self._name, **facts)


def _names(error: BaseException) -> frozenset[str]:
    """The names of an error's classes and of its causes': the HTTP library's own among them."""
    return frozenset(kind.__name__ for one in _chain(error) for kind in type(one).__mro__)


def _is_unsendable(error: BaseException) -> bool:
    """Whether it is of a header that HTTP cannot carry; such an error repeats the header."""
    return any(
        type(one).__name__ == "LocalProtocolError"
        or (isinstance(one, UnicodeEncodeError) and one.encoding == "ascii")
        for one in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
