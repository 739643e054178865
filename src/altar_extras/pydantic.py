"""pydantic: models as tools, tools as models, and schemas both ways.

Needs pydantic, 2.12 or newer. Models, pydantic's dataclasses and its annotated
types need nothing of this as parameters, results and ``output=``: altar knows
them wherever they stand.
"""

from __future__ import annotations

try:
    import pydantic as _pydantic  # noqa: F401 - says first, and in words, that it is missing
except ModuleNotFoundError as error:
    raise ImportError(
        'altar_extras.pydantic needs pydantic; type: pip install "pydantic>=2.12" '
        'or pip install ".[pydantic]"'
    ) from error

from altar_extras._pydantic_in import import_tools
from altar_extras._pydantic_model_of import SchemaModel, model_of, schema_of
from altar_extras._pydantic_out import ToolModel, export_tools

__all__ = [
    "SchemaModel",
    "ToolModel",
    "export_tools",
    "import_tools",
    "model_of",
    "schema_of",
]
