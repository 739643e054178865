"""Semantic Kernel: altar's tools as a plugin, and plugins as altar's tools.

Needs the library semantic-kernel, 1.40 or newer. :func:`export_tools` lends a
session to a kernel as a plugin; :func:`import_tools` takes functions, plugins
and whole kernels into a session.
"""

from __future__ import annotations

from altar_extras._semantic_kernel_function import AltarFunction, CallFailedError, export_tools
from altar_extras._semantic_kernel_import import import_tools

__all__ = ["AltarFunction", "CallFailedError", "export_tools", "import_tools"]
