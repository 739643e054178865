"""pydantic-ai, in both directions: tools, and models.

Needs the library pydantic-ai-slim, 2.68 or newer. :func:`export_tools` lends a
session to an agent as a toolset; :func:`import_tools` takes toolsets and tools
into a session. :class:`AltarModel` is a provider of altar's as an agent's
model; :func:`model_provider` makes a provider of any model of pydantic-ai.
"""

from __future__ import annotations

try:
    import pydantic_ai as _library
except ModuleNotFoundError as error:
    raise ImportError(
        "altar_extras.pydantic_ai needs the library pydantic-ai-slim; type: "
        'pip install "pydantic-ai-slim>=2.68" or pip install ".[pydantic-ai]"'
    ) from error

from altar_extras._pydantic_ai_import import import_tools
from altar_extras._pydantic_ai_model import AltarModel
from altar_extras._pydantic_ai_provider import ModelProvider, model_provider
from altar_extras._pydantic_ai_toolset import SessionToolset, ToolProgress, export_tools

__all__ = [
    "AltarModel",
    "ModelProvider",
    "SessionToolset",
    "ToolProgress",
    "export_tools",
    "import_tools",
    "model_provider",
]

del _library
