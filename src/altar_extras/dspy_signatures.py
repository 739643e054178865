"""Declarations of DSPy signatures that are strings. Needs no DSPy.

With DSPy installed :func:`altar_extras.dspy.declaration_of` takes classes too,
and makes the same declaration of the same string.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar_extras._dspy_fields import declare_fields, instructions_for, name_for
from altar_extras._dspy_signature import parse_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.adm import FunctionDeclaration

__all__ = ["declaration_of"]


def declaration_of(
    signature: str,
    instructions: str | None = None,
    *,
    name: str | None = None,
    types: Mapping[str, Any] | None = None,
) -> FunctionDeclaration:
    """What ``"question: str, tags: list[str] -> answer: float"`` declares.

    Inputs are the parameters; those that may be None need not be given.
    Outputs are the fields of the object described by ``x_returns``. The
    description is ``instructions``, or DSPy's own sentence; ``name`` is by
    default ``predict_`` and the outputs. ``types`` holds classes that the string
    names.

    DeclarationError with everything wrong in the string, and with each field
    whose type JSON cannot say.
    """
    if not isinstance(signature, str):
        raise ConfigurationError(
            f"declaration_of({signature!r:.60}): give a string such as 'question -> answer'; "
            "for classes use altar_extras.dspy.declaration_of, which needs DSPy"
        )
    inputs, outputs = parse_signature(signature, types)
    if "dspy" in sys.modules:  # the string may name types of DSPy's
        from altar_extras._dspy_types import carried  # noqa: PLC0415 - which needs DSPy

        inputs, outputs = carried(inputs), carried(outputs)
    asked = [field.name for field in outputs]
    return declare_fields(
        name or name_for(asked),
        instructions or instructions_for([field.name for field in inputs], asked),
        inputs=inputs,
        outputs=outputs,
    )
