"""Heads: the hash at the end of a chain, signed by who wrote it and again by a Host."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgpack

from altar.errors import ConfigurationError
from altar_extras.grid.security import VerifyKey, document

if TYPE_CHECKING:
    from altar_extras.grid.security import SigningKey

__all__ = ["Countersignature", "Head", "countersign", "head_bytes", "is_signed"]


class Head(NamedTuple):
    """The chain of a writer's epoch up to ``sequence``, as its writer signed it."""

    writer: str
    epoch: int
    sequence: int
    head: bytes
    signature: bytes = b""


class Countersignature(NamedTuple):
    """A Host's signature below a head: it has seen this chain, up to here, and not another."""

    writer: str
    epoch: int
    sequence: int
    head: bytes
    key: str
    signature: bytes


def head_bytes(head: Head | Countersignature, *, purpose: str = "head") -> bytes:
    """What is signed; the purpose keeps a head's signature from standing for anything else."""
    pack = msgpack.Packer().pack
    return document(purpose, bytes(pack((head.writer, head.epoch, head.sequence, head.head))))


def countersign(head: Head, key: SigningKey) -> Countersignature:
    """The head signed by a Host's key; the caller has checked the writer's own signature."""
    signature = key.sign(head_bytes(head, purpose="countersignature"))
    return Countersignature(*head[:4], key.public, signature)


def is_signed(public: str, message: bytes, signature: bytes) -> bool:
    """Whether the key with this public text signed; a text that is no key signed nothing."""
    try:
        return VerifyKey(public).verify(message, signature)
    except ConfigurationError:
        return False
