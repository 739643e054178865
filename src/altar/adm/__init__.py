"""The ALTAR Data Model: frozen, checked nouns that say what a tool is, a call and its result."""

from __future__ import annotations

from altar.adm._adopt import Adopted, Adoption, adopt
from altar.adm._blob import Blob
from altar.adm._call import FunctionCall
from altar.adm._canonical import canonical_bytes, digest
from altar.adm._check import Checker
from altar.adm._codec import decode, encode
from altar.adm._contract import ToolContract
from altar.adm._declaration import FunctionDeclaration
from altar.adm._diff import ManifestChange, ManifestDiff
from altar.adm._error import ErrorObject
from altar.adm._json import dumps, json_problems, loads
from altar.adm._manifest import MANIFEST_VERSION, ToolManifest
from altar.adm._names import is_name, legal_name
from altar.adm._problem import Problem, json_path, json_steps
from altar.adm._rendered import Loss, Rendered
from altar.adm._result import ResultDraft as ResultDraft  # for altar's executors only
from altar.adm._result import ResultStatus, ToolResult
from altar.adm._schema import Schema
from altar.adm._schema_type import SchemaType
from altar.adm._tool import Tool, ToolConfig, ToolMode

__all__ = [
    "MANIFEST_VERSION",
    "Adopted",
    "Adoption",
    "Blob",
    "Checker",
    "ErrorObject",
    "FunctionCall",
    "FunctionDeclaration",
    "Loss",
    "ManifestChange",
    "ManifestDiff",
    "Problem",
    "Rendered",
    "ResultStatus",
    "Schema",
    "SchemaType",
    "Tool",
    "ToolConfig",
    "ToolContract",
    "ToolManifest",
    "ToolMode",
    "ToolResult",
    "adopt",
    "canonical_bytes",
    "decode",
    "digest",
    "dumps",
    "encode",
    "is_name",
    "json_path",
    "json_problems",
    "json_steps",
    "legal_name",
    "loads",
]
