"""What a call costs as a pydantic model: its own, and one of altar's, validated and run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, validate_call

import altar
from altar_extras.pydantic import export_tools, import_tools

__all__ = ["pairs"]


def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


class Add(BaseModel):
    """Add two whole numbers."""

    a: int
    b: int

    def __call__(self) -> int:
        return add(self.a, self.b)


def pairs() -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    """By label: one call of pydantic's own, and one of altar's."""
    args: dict[str, Any] = {"a": 1, "b": 2}
    (model,) = export_tools([add])
    validated = validate_call(add)
    from_model = altar.Session(import_tools(Add))
    from_function = altar.Session(import_tools(validated))
    return [
        (
            "model, validated and run",
            lambda: Add.model_validate(args)(),
            lambda: model.model_validate(args).run(),
        ),
        (
            "imported model",
            lambda: Add.model_validate(args)(),
            lambda: from_model.execute("Add", args),
        ),
        (
            "imported validate_call",
            lambda: validated(**args),
            lambda: from_function.execute("add", args),
        ),
    ]
