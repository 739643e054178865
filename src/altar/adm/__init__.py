"""The ALTAR Data Model: frozen, checked nouns that say what a tool is, a call and its result."""

from __future__ import annotations

from altar.adm._blob import Blob
from altar.adm._call import FunctionCall
from altar.adm._problem import Problem, json_path
from altar.adm._result import ErrorObject, ResultStatus, ToolResult
from altar.adm._result import ResultDraft as ResultDraft  # for altar's executors only

__all__ = [
    "Blob",
    "ErrorObject",
    "FunctionCall",
    "Problem",
    "ResultStatus",
    "ToolResult",
    "json_path",
]
