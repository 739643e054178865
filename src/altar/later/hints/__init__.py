"""The type table: annotations become nodes, each a schema, a loader and generated code."""

from __future__ import annotations

from altar._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar.later.hints._custom import CustomType, register_type
    from altar.later.hints._dump import DumpError, dump
    from altar.later.hints._param import Param

__all__ = [
    "CustomType",
    "DumpError",
    "Param",
    "dump",
    "register_type",
]

# by name and on first use: a user's module that only wants Param should not load the table
_HOMES = {
    "CustomType": "altar.later.hints._custom",
    "DumpError": "altar.later.hints._dump",
    "Param": "altar.later.hints._param",
    "dump": "altar.later.hints._dump",
    "register_type": "altar.later.hints._custom",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
