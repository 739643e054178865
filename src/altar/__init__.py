"""altar: typed Python functions as tools for language models.

    function -> declare -> Registry -> Session -> loop <-> Provider
                                          |         |
                                          +-- Runtime: FunctionCall -> ToolResult

``@tool`` marks a function. A Session declares it, checks and runs every call
to it, and ``generate`` drives the tool loop against a model. The core needs
nothing but the standard library, and importing it does nothing: every name
below but ``tool`` is loaded when it is first used.
"""

from __future__ import annotations

from altar._lazy import lazy_names
from altar.later._tool import tool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar import (
        adm,
        bridge,
        errors,
        isolate,
        later,
        llm,
        mcp,
        resilience,
        runtime,
        testing,
        trace,
        viewer,
    )
    from altar.adm import Blob, FunctionCall, FunctionDeclaration, ToolResult
    from altar.agent import Agent, agenerate, astream, generate, stream
    from altar.config import configure
    from altar.errors import AltarError, ToolError
    from altar.later import (
        Context,
        Param,
        Registry,
        Session,
        batch,
        declare,
        register_type,
        registry,
    )
    from altar.llm import Limits, Options, Reply, fallback

__all__ = [
    "Agent",
    "AltarError",
    "Blob",
    "Context",
    "FunctionCall",
    "FunctionDeclaration",
    "Limits",
    "Options",
    "Param",
    "Registry",
    "Reply",
    "Session",
    "ToolError",
    "ToolResult",
    "agenerate",
    "astream",
    "batch",
    "configure",
    "declare",
    "fallback",
    "generate",
    "register_type",
    "registry",
    "stream",
    "tool",
]

__version__ = "0.1.0"

_HOMES = {
    "Agent": "altar.agent",
    "AltarError": "altar.errors",
    "Blob": "altar.adm",
    "Context": "altar.later",
    "FunctionCall": "altar.adm",
    "FunctionDeclaration": "altar.adm",
    "Limits": "altar.llm",
    "Options": "altar.llm",
    "Param": "altar.later",
    "Registry": "altar.later",
    "Reply": "altar.llm",
    "Session": "altar.later",
    "ToolError": "altar.errors",
    "ToolResult": "altar.adm",
    "adm": "altar.adm",
    "agenerate": "altar.agent",
    "astream": "altar.agent",
    "batch": "altar.later",
    "bridge": "altar.bridge",
    "configure": "altar.config",
    "declare": "altar.later",
    "errors": "altar.errors",
    "fallback": "altar.llm",
    "generate": "altar.agent",
    "isolate": "altar.isolate",
    "later": "altar.later",
    "llm": "altar.llm",
    "mcp": "altar.mcp",
    "register_type": "altar.later",
    "registry": "altar.later",
    "resilience": "altar.resilience",
    "runtime": "altar.runtime",
    "stream": "altar.agent",
    "testing": "altar.testing",
    "tool": "altar.later._tool",
    "trace": "altar.trace",
    "viewer": "altar.viewer",
}

# what is looked for here, and is one package further down
_BELOW = {
    "CallContext": "altar.runtime",
    "Cancellation": "altar.runtime",
    "Chat": "altar.agent",
    "CircuitBreaker": "altar.resilience",
    "ConfigurationError": "altar.errors",
    "Message": "altar.llm",
    "Pending": "altar.llm",
    "Policy": "altar.runtime",
    "Price": "altar.llm",
    "PriceTable": "altar.llm",
    "ProviderError": "altar.errors",
    "Repair": "altar.llm",
    "Retry": "altar.llm",
    "RetryPolicy": "altar.resilience",
    "Sampling": "altar.llm",
    "ScriptedProvider": "altar.testing",
    "ToolCall": "altar.llm",
    "ToolSearch": "altar.llm",
    "Tracer": "altar.trace",
    "Usage": "altar.llm",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, below=_BELOW)
