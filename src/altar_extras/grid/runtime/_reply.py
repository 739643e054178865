"""Where an answer goes, and how: under the reply a call came with, or joined with others."""

from __future__ import annotations

import re
from typing import NamedTuple

from altar_extras.grid.wire import Subjects

__all__ = ["Reply", "reply_of"]

_BATCH = re.compile(r"[0-9a-f]{1,12}", re.ASCII)


class Reply(NamedTuple):
    """The subject answers go to; ``joined``: those of one turn may travel as one body."""

    subject: str
    joined: bool


def reply_of(reply: str, session: str) -> Reply | None:
    """Where to answer a session; None for an address that is not its own.

    An address ``<inbox>.<token>`` whose last token is a number of at most 12
    hexadecimal digits is that of a peer with "many" (Requests counts so): its
    answers go, joined, to ``<inbox>.0``. Every other address (a client of
    another kind puts random tokens there) is answered exactly as it stands,
    one message in a body, and nothing it did not ask for: no Accepted.
    """
    if not Subjects.is_reply_of(reply, session):
        return None
    head, _, token = reply.rpartition(".")
    if head.count(".") == 4 and _BATCH.fullmatch(token):
        return Reply(f"{head}.0", True)
    return Reply(reply, False)
