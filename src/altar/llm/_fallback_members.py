"""What a chain of models is walked with: its members, what they are asked, what is held back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from altar import plugins
from altar.errors import (
    AltarError,
    BadRequestError,
    ConfigurationError,
    ProviderError,
    TransportError,
    UnknownModelError,
    UnsupportedError,
)
from altar.llm._base import BaseProvider
from altar.llm._events import Delta, End
from altar.llm._live import shown
from altar.llm._mender import model_name
from altar.llm._provider import Provider
from altar.resilience import CircuitBreaker

if TYPE_CHECKING:
    from altar.llm._events import StreamEvent
    from altar.llm._request import Adaptation, Request, Response
    from altar.llm._usage import Usage

__all__ = ["Ask", "FailedAsk", "Held", "Load", "Member", "WalkStep"]

_REMEMBERED = 60.0  # seconds for which a member that could not be loaded is left alone


class Member:
    """One model of a chain, its provider once it is loaded, and its breaker."""

    __slots__ = ("_failed", "_given", "_loaded", "_lock", "_since", "breaker", "label")

    def __init__(self, model: str | Provider) -> None:
        self._given = model
        self._loaded: Provider | None = None
        self._failed: AltarError | None = None  # why it could not be loaded
        self._since = 0.0  # when that was
        self._lock = Lock()
        self.breaker = CircuitBreaker()
        if isinstance(model, str):
            plugins.check_model(model)
            self.label = model
        elif isinstance(model, type) or not isinstance(model, (BaseProvider, Provider)):
            raise ConfigurationError(
                f"fallback({model!r:.60}): each member is a model's name or a Provider; type "
                "altar.fallback('prefix:name', 'prefix:name')"
            )
        else:
            self.label = model_name(model)

    @property
    def names(self) -> tuple[str, ...]:
        """Who may answer: its name, or those of a chain in the chain."""
        return getattr(self._given, "members", None) or (self.label,)

    @property
    def is_loaded(self) -> bool:
        """Whether it is at hand, or is known not to be: then nothing is imported for it."""
        known = self._loaded is not None or self.failed is not None
        return known or not isinstance(self._given, str)

    @property
    def failed(self) -> AltarError | None:
        """Why it could not be loaded within the last minute."""
        return self._failed if monotonic() - self._since < _REMEMBERED else None

    def fail(self, error: AltarError) -> AltarError:
        """Remember why it cannot be loaded: an import that fails is not done again at once."""
        self._since = monotonic()
        self._failed = error
        return error

    def provider(self) -> Provider:
        """The provider; one that is given by name is loaded once."""
        if not isinstance(self._given, str):
            return self._given
        with self._lock:
            found = self._loaded
            if found is None:
                found = self._loaded = plugins.load_provider(self._given)
            return found

    def take(self) -> Provider | None:
        """The provider that was loaded by name, which is the member's no more."""
        with self._lock:
            loaded, self._loaded, self._failed = self._loaded, None, None
        return loaded

    def note(self, error: ProviderError) -> None:
        """Tell the breaker; a model that refuses a request is there, and works."""
        refusals = (BadRequestError, UnsupportedError)
        if isinstance(error, refusals) and not isinstance(error, UnknownModelError):
            self.breaker.succeed()
        else:
            self.breaker.fail()


class Load:
    """Load a member; answer with its provider, or with the error that says why not."""

    __slots__ = ("_member",)

    def __init__(self, member: Member) -> None:
        self._member = member

    def load(self) -> Provider | AltarError:
        """The provider, or the error."""
        member = self._member
        if member.failed is not None:
            return member.failed
        try:
            return member.provider()
        except (ConfigurationError, ProviderError) as error:
            return member.fail(error)
        except ImportError as error:  # the library is there, and broken or of another version
            return member.fail(ConfigurationError(f"{member.label} cannot be loaded: {error}"))

    async def aload(self) -> Provider | AltarError:
        """The same, in a thread: a vendor's library takes a second or two to import."""
        return self.load() if self._member.is_loaded else await asyncio.to_thread(self.load)


class FailedAsk:
    """An ask came to nothing; ``visible`` when the user saw a part of the answer."""

    __slots__ = ("error", "visible")

    def __init__(self, error: ProviderError, visible: bool = False) -> None:
        self.error = error
        self.visible = visible


class Ask:
    """Ask ``provider``; answer with :class:`FailedAsk`, or not at all when it answered."""

    __slots__ = ("_notes", "member", "provider", "request")

    def __init__(
        self,
        member: Member,
        provider: Provider,
        request: Request,
        notes: tuple[Adaptation, ...],
    ) -> None:
        self.member = member
        self.provider = provider
        self.request = request
        self._notes = notes

    def told(self, response: Response) -> Response:
        """The response with what the chain has to say."""
        notes = (*self._notes, *response.adaptations)
        return replace(response, usage=self._priced(response.usage), adaptations=notes)

    def ended(self, end: End) -> End:
        """The same of a stream's end."""
        notes = (*self._notes, *end.adaptations)
        return replace(end, usage=self._priced(end.usage), adaptations=notes)

    def _priced(self, usage: Usage) -> Usage:
        """At the member's own price, where it knows one."""
        if usage.cost is not None:
            return usage
        return replace(usage, cost=usage.priced(self.provider.capabilities.price))


WalkStep: TypeAlias = Load | Ask


class Held:
    """Holds a stream's events back until one is shown: until then another member may answer."""

    __slots__ = ("_ask", "_demanded", "_ended", "_events", "visible")

    def __init__(self, ask: Ask) -> None:
        choice = ask.request.tool_choice
        self._ask = ask
        self._demanded = choice is not None and choice.mode == "ANY"  # its arguments are shown
        self._ended = False
        self._events: list[StreamEvent] = []
        self.visible = False

    def pass_on(self, event: StreamEvent) -> list[StreamEvent]:
        """The events that are ready with this one."""
        if isinstance(event, End):
            self._ended = self.visible = True
            self._ask.member.breaker.succeed()
            event = self._ask.ended(event)
        elif not self.visible:
            is_args = isinstance(event, Delta) and event.kind == "args"
            self.visible = shown(event) is not None or (is_args and self._demanded)
        self._events.append(event)
        if not self.visible:
            return []
        ready, self._events = self._events, []
        return ready

    def leave(self) -> None:
        """Note that the reader left: a member that was seen to answer works."""
        if self.visible:
            self._ask.member.breaker.succeed()

    def check(self) -> None:
        """Raise TransportError when the stream stopped before its End."""
        if not self._ended:
            message = f"{self._ask.member.label}: the stream stopped before the answer was complete"
            raise TransportError(message, provider=self._ask.provider.name)
