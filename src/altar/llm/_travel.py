"""What of a history can go to a provider: its own data verbatim, and a note of what cannot."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from altar.llm._request import Adaptation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from altar.llm._messages import Message
    from altar.llm._parts import Opaque
    from altar.llm._request import Request

__all__ = ["Travel", "own_settings"]


class Travel:
    """The way of one history to one ``provider`` and ``api``.

    Opaque data is the provider's own when it says the same provider and api,
    and its message came from a model of the same ``family`` (None: any model
    of the provider reads it). All other opaque data stays behind, and
    :meth:`drop` notes it: ``adaptations`` are for the Response.
    """

    def __init__(
        self,
        provider: str,
        api: str,
        *,
        model: str,
        family: Callable[[str], str] | None = None,
    ) -> None:
        self._provider = provider
        self._api = api
        self._family = family
        self._model = model
        self._dropped: Counter[tuple[str, str]] = Counter()

    def is_home(self, message: Message) -> bool:
        """Whether this provider's model made ``message``, by this api, and can read its data."""
        origin = message.origin
        if origin is None or (origin.provider, origin.api) != (self._provider, self._api):
            return False
        family = self._family
        return family is None or family(origin.model) == family(self._model)

    def own(self, opaque: Iterable[Opaque], kind: str, *, home: bool = True) -> Any:
        """The data of ``kind`` that goes back as it came, or None; ``home`` as of its message."""
        if home:
            for item in opaque:
                if (item.provider, item.api, item.kind) == (self._provider, self._api, kind):
                    return item.data
        return None

    def drop(self, what: str, why: str) -> None:
        """Note that something of the history is not sent."""
        self._dropped[what, why] += 1

    @property
    def adaptations(self) -> tuple[Adaptation, ...]:
        """What was not sent, and why, one for each kind."""
        return tuple(
            [
                Adaptation(what, why if count == 1 else f"{why} ({count} times)")
                for (what, why), count in self._dropped.items()
            ]
        )


def own_settings(request: Request, name: str) -> dict[str, Any]:
    """The settings of ``request`` that are for the provider ``name``."""
    found: Mapping[str, Any] = request.settings.get(name) or {}
    return dict(found)
