"""OpenAPI: the operations of any OpenAPI 3.0 or 3.1 document as tools of altar's.

Needs no library for documents in JSON; for those in YAML PyYAML, 6 or newer.
Requests go out by the standard library.
"""

from __future__ import annotations

from altar_extras._openapi_app import ToolApp, export_tools
from altar_extras._openapi_auth import Secret
from altar_extras._openapi_document import Document
from altar_extras._openapi_import import Limits, import_tools
from altar_extras._openapi_operations import Select
from altar_extras._openapi_servers import Server

__all__ = [
    "Document",
    "Limits",
    "Secret",
    "Select",
    "Server",
    "ToolApp",
    "export_tools",
    "import_tools",
]
