"""SchemaType: the types a schema can name, in the ADM's upper case."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["SchemaType"]


class SchemaType(StrEnum):
    """The six types of ADM 1.0, and NULL, which the wider dialects know too."""

    STRING = "STRING"
    NUMBER = "NUMBER"
    INTEGER = "INTEGER"
    BOOLEAN = "BOOLEAN"
    ARRAY = "ARRAY"
    OBJECT = "OBJECT"
    NULL = "NULL"
