"""What changed between two contracts, and whether their callers break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from altar.adm._compare import compare_schemas

if TYPE_CHECKING:
    from altar.adm._contract import ToolContract
    from altar.adm._declaration import FunctionDeclaration

__all__ = ["ManifestChange", "ManifestDiff", "contract_changes"]


class ManifestChange(NamedTuple):
    """One difference.

    ``path`` leads to it within the declaration, or the contract where
    ``declaration`` is empty; ``before`` and ``after`` are JSON values, None
    where there was or is nothing. ``breaking`` says that calls which the old
    contract allowed may be refused, or answered otherwise than it promised.
    """

    kind: Literal["added", "removed", "changed"]
    contract: str
    declaration: str
    path: str
    before: Any
    after: Any
    breaking: bool

    def __str__(self) -> str:
        where = ".".join(part for part in (self.contract, self.declaration) if part)
        what = f"{where} {self.path}" if self.path != "$" else where
        mark = " (breaking)" if self.breaking else ""
        if self.kind != "changed":
            return f"{what}: {self.kind}{mark}"
        return f"{what}: {_brief(self.before)} -> {_brief(self.after)}{mark}"

    def to_dict(self) -> dict[str, Any]:
        """The change as a JSON object."""
        return self._asdict()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestDiff:
    """All changes from one manifest to the next.

    False when there are none. ``under_versioned`` names the contracts that
    break their callers without a new major version.
    """

    changes: tuple[ManifestChange, ...]
    under_versioned: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        return "\n".join(str(change) for change in self.changes) or "no changes"

    @property
    def breaking(self) -> tuple[ManifestChange, ...]:
        """The changes that break callers."""
        return tuple(change for change in self.changes if change.breaking)

    def to_dict(self) -> dict[str, Any]:
        """The diff as a JSON object."""
        return {
            "breaking": bool(self.breaking),
            "under_versioned": list(self.under_versioned),
            "changes": [change.to_dict() for change in self.changes],
        }


def contract_changes(
    name: str, old: ToolContract | None, new: ToolContract | None
) -> list[ManifestChange]:
    """What changed from one contract to its successor of the same name."""
    if old is None or new is None:
        return [_presence(name, "", old, new)]
    changes = []
    for field in ("version", "description"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            path = f"$.{field}"
            changes.append(ManifestChange("changed", name, "", path, before, after, False))
    changes += _extension_changes(name, "", old.extensions or {}, new.extensions or {})
    names = [item.name for item in (*old.function_declarations, *new.function_declarations)]
    for function in dict.fromkeys(names):
        before, after = old.get(function), new.get(function)
        if before is None or after is None:
            changes.append(_presence(name, function, before, after))
        else:
            changes += _declaration_changes(name, before, after)
    return changes


def _presence(
    contract: str,
    function: str,
    old: ToolContract | FunctionDeclaration | None,
    new: ToolContract | FunctionDeclaration | None,
) -> ManifestChange:
    before = None if old is None else old.digest
    after = None if new is None else new.digest
    kind: Literal["added", "removed"] = "added" if old is None else "removed"
    return ManifestChange(kind, contract, function, "$", before, after, kind == "removed")


def _declaration_changes(
    contract: str, old: FunctionDeclaration, new: FunctionDeclaration
) -> list[ManifestChange]:
    found = []
    if old.description != new.description:
        found.append(("$.description", old.description, new.description, False))
    found += compare_schemas(old.parameters.document, new.parameters.document, "$.parameters")
    # results flow the other way: the old promise must accept whatever the new one may return
    before, after = old.extensions, new.extensions
    if "x_returns" in before and "x_returns" in after:
        turned = compare_schemas(
            after.pop("x_returns"), before.pop("x_returns"), "$.x_returns", open_objects=True
        )
        found += [(path, left, right, broken) for path, right, left, broken in turned]
    changes = [_change(contract, old.name, *parts) for parts in found]
    return changes + _extension_changes(contract, old.name, before, after)


def _extension_changes(
    contract: str, function: str, old: dict[str, Any], new: dict[str, Any]
) -> list[ManifestChange]:
    changes = []
    for field in dict.fromkeys([*old, *new]):
        before, after = old.get(field), new.get(field)
        if before != after:
            breaking = field == "x_returns" and after is None
            changes.append(_change(contract, function, f"$.{field}", before, after, breaking))
    return changes


def _change(
    contract: str, function: str, path: str, before: Any, after: Any, breaking: bool
) -> ManifestChange:
    kind: Literal["added", "removed", "changed"] = "changed"
    if before is None:
        kind = "added"
    elif after is None:
        kind = "removed"
    return ManifestChange(kind, contract, function, path, before, after, breaking)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
