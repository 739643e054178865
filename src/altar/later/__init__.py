"""LATER, the local runtime: from a typed function to a checked, running tool."""

from __future__ import annotations

from altar._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar.later._batch import Batch, BatchItem, batch
    from altar.later._batch_progress import BatchProgress
    from altar.later._context import Context
    from altar.later._declare import declare
    from altar.later._executor import LocalRuntime
    from altar.later._mark import Mark, ToolOptions, mark_of
    from altar.later._process_runtime import ProcessRuntime
    from altar.later._registry import Registry, RegistrySnapshot, Replacement, registry
    from altar.later._schema_of import schema_of
    from altar.later._schema_tool import SchemaTool
    from altar.later._session import Session, SessionLimits
    from altar.later._tool import tool
    from altar.later.hints._custom import register_type
    from altar.later.hints._param import Param

__all__ = [
    "Batch",
    "BatchItem",
    "BatchProgress",
    "Context",
    "LocalRuntime",
    "Mark",
    "Param",
    "ProcessRuntime",
    "Registry",
    "RegistrySnapshot",
    "Replacement",
    "SchemaTool",
    "Session",
    "SessionLimits",
    "ToolOptions",
    "batch",
    "declare",
    "mark_of",
    "register_type",
    "registry",
    "schema_of",
    "tool",
]

_HOMES = {
    "Batch": "altar.later._batch",
    "BatchItem": "altar.later._batch",
    "BatchProgress": "altar.later._batch_progress",
    "Context": "altar.later._context",
    "LocalRuntime": "altar.later._executor",
    "Mark": "altar.later._mark",
    "Param": "altar.later.hints._param",
    "ProcessRuntime": "altar.later._process_runtime",
    "Registry": "altar.later._registry",
    "RegistrySnapshot": "altar.later._registry",
    "Replacement": "altar.later._registry",
    "SchemaTool": "altar.later._schema_tool",
    "Session": "altar.later._session",
    "SessionLimits": "altar.later._session",
    "ToolOptions": "altar.later._mark",
    "batch": "altar.later._batch",
    "declare": "altar.later._declare",
    "mark_of": "altar.later._mark",
    "register_type": "altar.later.hints._custom",
    "registry": "altar.later._registry",
    "schema_of": "altar.later._schema_of",
    "tool": "altar.later._tool",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
