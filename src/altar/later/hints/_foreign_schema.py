"""JSON Schema documents of other makers, made lean: no titles, definitions only where recursive."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["lean_schema", "renamed_refs"]

_PREFIX: Final = "#/$defs/"
_VALUES: Final = ("default", "const", "enum", "examples")
_DROPPED: Final = ("title", "discriminator")  # made up from names; OpenAPI's, with stale references


def lean_schema(doc: dict[str, Any]) -> dict[str, Any]:
    """The document without made-up titles, its definitions inlined unless they are recursive."""
    lean = _lean(doc, names=False)
    defs = lean.pop("$defs", {})
    recursive = {name for name in defs if _reaches(name, name, defs)}
    out = _inlined(lean, defs, recursive)
    if recursive:
        out["$defs"] = {name: _inlined(defs[name], defs, recursive) for name in sorted(recursive)}
    return dict(out)


def renamed_refs(doc: Any, names: dict[str, str]) -> Any:
    """The document with its references moved to new names."""
    if isinstance(doc, list):
        return [renamed_refs(item, names) for item in doc]
    if not isinstance(doc, dict):
        return doc
    out = {key: renamed_refs(item, names) for key, item in doc.items()}
    target = _target(doc)
    if target is not None:
        out["$ref"] = f"{_PREFIX}{names.get(target, target)}"
    return out


def _lean(doc: Any, *, names: bool) -> Any:
    """``names`` marks a map from names to schemas, where no key is a keyword."""
    if isinstance(doc, list):
        return [_lean(item, names=False) for item in doc]
    if not isinstance(doc, dict):
        return doc
    if names:
        return {key: _lean(item, names=False) for key, item in doc.items()}
    out = {}
    for key, item in doc.items():
        if key in _VALUES:
            out[key] = item
        elif key not in _DROPPED:
            out[key] = _lean(item, names=key in ("properties", "$defs"))
    return out


def _target(doc: dict[str, Any]) -> str | None:
    ref = doc.get("$ref")
    return ref.removeprefix(_PREFIX) if isinstance(ref, str) and ref.startswith(_PREFIX) else None


def _targets(doc: Any) -> set[str]:
    if isinstance(doc, list):
        return set().union(*map(_targets, doc))
    if not isinstance(doc, dict):
        return set()
    found = set().union(*map(_targets, doc.values()))
    target = _target(doc)
    return found if target is None else found | {target}


def _reaches(start: str, goal: str, defs: dict[str, Any]) -> bool:
    seen: set[str] = set()
    todo = [start]
    while todo:
        for name in _targets(defs.get(todo.pop())):
            if name == goal:
                return True
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return False


def _inlined(doc: Any, defs: dict[str, Any], recursive: set[str]) -> Any:
    if isinstance(doc, list):
        return [_inlined(item, defs, recursive) for item in doc]
    if not isinstance(doc, dict):
        return doc
    target = _target(doc)
    if target is None or target in recursive or target not in defs:
        return {key: _inlined(item, defs, recursive) for key, item in doc.items()}
    beside = {key: item for key, item in doc.items() if key != "$ref"}
    return {**_inlined(defs[target], defs, recursive), **beside}
