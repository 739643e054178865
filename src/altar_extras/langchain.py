"""LangChain: altar's tools as tools of LangChain, and LangChain's as altar's.

Needs the library langchain-core, 1.7 or newer. :func:`export_tools` lends a
session to ``model.bind_tools`` and to agents as a list of tools;
:func:`import_tools` takes tools and toolkits into a session.
"""

from __future__ import annotations

try:
    import langchain_core as _library
except ModuleNotFoundError as error:
    raise ImportError(
        "altar_extras.langchain needs the library langchain-core; type: "
        'pip install "langchain-core>=1.7" or pip install ".[langchain]"'
    ) from error

from altar_extras._langchain_import import import_tools
from altar_extras._langchain_tool import (
    AltarTool,
    CallFailedError,
    export_declarations,
    export_tools,
)

__all__ = ["AltarTool", "CallFailedError", "export_declarations", "export_tools", "import_tools"]

del _library
