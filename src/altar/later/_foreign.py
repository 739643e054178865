"""Foreign: objects of other frameworks, told by the modules of their classes.

The frameworks are not imported: only their names are looked at, and only where
``tools=`` holds something that is no function.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

__all__ = ["who_takes"]

_IMPORTERS = {
    "pydantic_ai": "pydantic-ai",
    "dspy": "DSPy",
    "langchain_core": "LangChain",
    "semantic_kernel": "Semantic Kernel",
}
_EXTRAS = {"langchain_core": "langchain"}
_MCP = ("mcp.client.", "mcp.server.", "mcp.shared.", "mcp_types.", "mcp.types", "fastmcp.")


def who_takes(thing: Any) -> str | None:
    """Whose ``thing`` is and what takes it in, as the end of a sentence; None for all others."""
    cls = thing if isinstance(thing, type) else type(thing)
    for base in cls.__mro__:
        module = getattr(base, "__module__", None)
        if not isinstance(module, str):
            continue
        root = module.partition(".")[0]
        if root in _IMPORTERS:
            extra = _EXTRAS.get(root, root)
            return (
                f"the {cls.__name__} of {_IMPORTERS[root]} as it is: "
                f"use altar_extras.{extra}.import_tools(...)"
            )
        if module.startswith(_MCP):
            return (
                f"the {cls.__name__} of an MCP library: connect to its server with "
                "altar.mcp.connect(...), and give what that returns"
            )
    # a plugin of Semantic Kernel is an object of any class, whose methods are marked
    if any(_is_kernel_function(value) for base in cls.__mro__ for value in vars(base).values()):
        return f"{cls.__name__} as it is: use altar_extras.semantic_kernel.import_tools(...)"
    return None


def _is_kernel_function(value: Any) -> bool:
    return isinstance(value, FunctionType) and hasattr(value, "__kernel_function__")
