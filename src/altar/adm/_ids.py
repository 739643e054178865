"""Call ids: UUID4 in form, cut from pooled random bytes, never shared by two processes."""

from __future__ import annotations

import os
import re

__all__ = ["is_call_id", "new_call_id"]

_POOL_BYTES = 4096
_VARIANT = "89ab"  # the two fixed bits of a UUID's variant, before two random ones
_CALL_ID = re.compile(r"[\x20-\x7e]{1,128}")


class _Pool:
    """Random bytes asked of the system 256 ids at a time.

    ``list.pop`` is atomic, so two threads never cut the same id.
    """

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: list[bytes] = []

    def take(self) -> bytes:
        try:
            return self._ids.pop()
        except IndexError:
            data = os.urandom(_POOL_BYTES)
            fresh = [data[at : at + 16] for at in range(0, _POOL_BYTES, 16)]
            last = fresh.pop()
            self._ids.extend(fresh)
            return last

    def drop(self) -> None:
        self._ids = []


_pool = _Pool()
if hasattr(os, "register_at_fork"):  # a child must not hand out its parent's ids
    os.register_at_fork(after_in_child=_pool.drop)


def new_call_id() -> str:
    """A fresh id in the form of a UUID4: 36 characters, 122 random bits."""
    raw = _pool.take()
    text = raw.hex()
    variant = _VARIANT[raw[8] >> 6]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def is_call_id(value: object) -> bool:
    """True for 1 to 128 printable ASCII characters, the ADM rule for ids."""
    return isinstance(value, str) and _CALL_ID.fullmatch(value) is not None
