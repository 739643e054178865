"""Identity: who connects to a NATS server, and what it shows there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Identity"]


class Identity:
    """A user's nkey seed, its token and the connection's name. Its repr shows no secret.

    A ``token`` that is a callable is asked anew for every connection. Raises
    ConfigurationError for a seed that is none.
    """

    __slots__ = ("_token", "name", "seed")

    def __init__(self, seed: str, token: str | Callable[[], str], name: str) -> None:
        _check_seed(seed)
        self.seed = seed
        self._token = token
        self.name = name

    @property
    def is_fixed(self) -> bool:
        """Whether its token stays what it was."""
        return bool(self._token) and not callable(self._token)

    def shown(self) -> str:
        """The token for the next connection."""
        return self._token() if callable(self._token) else self._token


def _check_seed(seed: str) -> None:
    if not seed:
        return
    import nkeys  # noqa: PLC0415 - not without a key

    try:
        nkeys.from_seed(bytearray(seed.encode()))
    except (nkeys.NkeysError, ValueError):
        raise ConfigurationError(
            "the seed is no nkey of a user: it begins with SU and has 58 characters"
        ) from None
