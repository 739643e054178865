"""What the hand-written nouns share: they are frozen, and ids are written when first read."""

from __future__ import annotations

from _thread import allocate_lock
from typing import Any, NoReturn

from altar.adm._ids import new_call_id

__all__ = ["Extended", "Frozen", "Identified"]

_first_read = allocate_lock()


class Frozen:
    """Refuses to set or delete attributes; constructors use ``object.__setattr__``."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be deleted")


class Extended:
    """Has a slot ``_extensions``, which is filled only when there are any."""

    __slots__ = ()

    _extensions: dict[str, Any]

    @property
    def extensions(self) -> dict[str, Any]:
        """The fields named ``x_...`` or ``vendor_...``."""
        try:
            return self._extensions
        except AttributeError:
            return {}


class Identified:
    """Has a slot ``_id``, None until the id is first read."""

    __slots__ = ()

    _id: str | None

    @property
    def call_id(self) -> str:
        """The call's id: the one supplied, or a generated one that stays the same."""
        known = self._id
        if known is None:
            with _first_read:  # two threads that read first must see one id
                known = self._id
                if known is None:
                    known = new_call_id()
                    object.__setattr__(self, "_id", known)
        return known
