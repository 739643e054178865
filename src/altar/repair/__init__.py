"""JSON repair: nothing lost, linear, streaming, guided by a schema; knows nothing of tools.

How text becomes value:

    text -> json.loads                       valid: as it is
         -> find values -> scan -> edits -> mended text -> json.loads -> coerce -> Repaired
            (in prose)     (once)           (valid JSON)                 (by a schema)

Edits are spans of the text with what they should read: done, they mend it;
listed, they are the log. The scanner passes sound parts whole, mends plain
damage member by member, and weighs what is left by what stands near. A stream
takes the same road with its text in pieces.
"""

from __future__ import annotations

from altar._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
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

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "CODES": "altar.repair._codes",
        "Fix": "altar.repair._types",
        "Policy": "altar.repair._parse",
        "RepairError": "altar.errors",
        "Repaired": "altar.repair._types",
        "StreamParser": "altar.repair._stream",
        "loads": "altar.repair._parse",
        "parse": "altar.repair._parse",
        "repair": "altar.repair._parse",
    },
)
