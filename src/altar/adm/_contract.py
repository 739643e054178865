"""ToolContract: functions under one name and version that callers may rely on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from altar.adm._canonical import canonical_bytes, digest
from altar.adm._declaration import FunctionDeclaration
from altar.adm._fields import Fields, check_extensions
from altar.adm._kinds import is_a, kind_of
from altar.adm._names import name_problem
from altar.adm._problem import Problem
from altar.adm._tool import declaration_problems
from altar.errors import CanonicalError, InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ToolContract"]

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:[-+][0-9A-Za-z.+-]+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContract:
    """One named, versioned promise: functions that callers may rely on.

    ``version`` is a semantic version; its major number changes when a caller
    of the last one could break (see :meth:`altar.adm.ToolManifest.diff`). Raises
    InvalidDataError with every problem, integers beyond 2^53-1 among them:
    a contract always has a digest.
    """

    name: str
    description: str
    function_declarations: tuple[FunctionDeclaration, ...]
    version: str = "1.0.0"
    extensions: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        declared: Iterable[Any] = self.function_declarations
        if is_a(declared, list):
            object.__setattr__(self, "function_declarations", tuple(declared))
        wrong = name_problem(self.name)
        problems = [] if wrong is None else [wrong]
        if not is_a(self.description, str) or not self.description.strip():
            expected = "a text that says what the contract covers"
            got = kind_of(self.description)
            problems.append(Problem("$.description", expected, got, keyword="type"))
        if not is_a(self.version, str) or not _VERSION.fullmatch(self.version):
            expected = 'a semantic version such as "1.0.0"'
            problems.append(
                Problem("$.version", expected, kind_of(self.version), keyword="pattern")
            )
        problems += declaration_problems(self.function_declarations)
        if self.extensions is not None:
            problems += check_extensions(self.extensions)
        if problems:
            raise InvalidDataError("ToolContract", problems)
        try:
            canonical_bytes(self.to_dict())
        except CanonicalError as error:
            raise InvalidDataError("ToolContract", error.problems) from None

    @classmethod
    def from_dict(cls, doc: dict[str, Any]) -> ToolContract:
        """Read a contract; version 1.0.0 when absent, unknown unprefixed fields ignored."""
        fields = Fields("ToolContract", doc)
        name = fields.text("name", required=True)
        description = fields.text("description", required=True)
        version = fields.text("version")
        field = "function_declarations"
        declared = fields.items(field, required=True)
        made = fields.nested(field, FunctionDeclaration.from_dict, declared)
        extensions = fields.extensions()
        fields.done()
        return cls(
            name=str(name),
            description=str(description),
            version="1.0.0" if version is None else version,
            function_declarations=tuple(made),
            extensions=extensions,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.version))

    @property
    def major(self) -> int:
        """The major number of the version."""
        return int(self.version.partition(".")[0])

    @property
    def digest(self) -> str:
        """``sha256:...`` over the canonical bytes of the whole contract."""
        return digest(self.to_dict())

    def get(self, name: str) -> FunctionDeclaration | None:
        """The declaration of that name, or None."""
        return next((item for item in self.function_declarations if item.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """The ADM JSON object."""
        return {
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "function_declarations": [item.to_dict() for item in self.function_declarations],
            **(self.extensions or {}),
        }
