"""JSON repair: nothing lost, linear, streaming, guided by a schema; knows nothing of tools."""

from __future__ import annotations

from altar.errors import RepairError
from altar.repair._codes import CODES
from altar.repair._parse import Policy, loads, parse, repair
from altar.repair._stream import StreamParser
from altar.repair._types import Fix, Repaired

__all__ = [
    "CODES",
    "Fix",
    "Policy",
    "RepairError",
    "Repaired",
    "StreamParser",
    "loads",
    "parse",
    "repair",
]
