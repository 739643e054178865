"""The components of a document: what references lead to, each schema under one name."""

from __future__ import annotations

import json
from typing import Any, TypeAlias
from urllib.parse import unquote

__all__ = ["HOME", "Components"]

HOME = "#/components/schemas/"
_DEFINITIONS = ("$defs", "definitions")
_MAPS = frozenset({*_DEFINITIONS, "properties", "patternProperties", "dependentSchemas"})
_SCHEMAS = frozenset(
    {
        "additionalItems", "additionalProperties", "allOf", "anyOf", "contains", "contentSchema",
        "else", "if", "items", "not", "oneOf", "prefixItems", "propertyNames", "then",
        "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
# what says where a schema lives, which is elsewhere now; what references lead to is hoisted
_GONE = frozenset(
    {"$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema", *_DEFINITIONS}
)

_Place: TypeAlias = tuple[str, ...]


class Components:
    """The schemas that operations share by reference: a document's references look there alone."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self.schemas = schemas
        self._shared: dict[str, tuple[str, str]] = {}

    def hoisted(self, schema: Any, owner: str) -> Any:
        """The schema, what its references lead to moved to the components.

        Definitions keep their names, unless another tool's of the same name
        says something else. A reference to the schema itself makes it a
        component as well. One that leads nowhere is left out.
        """
        if not isinstance(schema, dict):
            return schema
        hoist = _Hoist(self, schema, owner)
        moved = hoist.moved(schema)
        root = hoist.names.get(())
        if root is None:
            return moved
        self.schemas[root] = moved
        return {"$ref": HOME + root}

    def shared(self, name: str, source: tuple[str, str]) -> str | None:
        """The component that was made of the same definition, or None."""
        return name if self._shared.get(name) == source else None

    def named(self, name: str, owner: str, source: tuple[str, str] | None) -> str:
        """A name for a new component: the definition's own, where no other has it."""
        wanted = [_plain(name), _plain(f"{owner}.{name}")]
        found = next((one for one in wanted if one not in self.schemas), None)
        count = 2
        while found is None:
            one = f"{wanted[1]}_{count}"
            found, count = (one if one not in self.schemas else None), count + 1
        self.schemas[found] = {}  # it is taken, and filled in when it is known
        if source is not None:
            self._shared[found] = source
        return found


class _Hoist:
    """One schema on its way into the components; ``names`` says where each part of it went."""

    def __init__(self, home: Components, document: dict[str, Any], owner: str) -> None:
        self._home = home
        self._document = document
        self._owner = owner
        self.names: dict[_Place, str] = {}

    def moved(self, node: Any) -> Any:
        """A copy of a schema in which every reference leads to the components."""
        if isinstance(node, list):
            return [self.moved(item) for item in node]
        if not isinstance(node, dict):
            return node
        made = {key: self._kept(key, value) for key, value in node.items() if key not in _GONE}
        place = self._place(node.get("$ref"))
        if place is not None:
            made["$ref"] = HOME + self._component(place)
        if made.get("type") == "integer":
            made.setdefault("format", "int64")  # altar's are of 64 bits
        return made

    def _kept(self, key: str, value: Any) -> Any:
        if key in _MAPS and isinstance(value, dict):
            return {name: self.moved(inner) for name, inner in value.items()}
        return self.moved(value) if key in _SCHEMAS else value  # a value, or words of others

    def _component(self, place: _Place) -> str:
        if place in self.names:
            return self.names[place]
        if not place:
            self.names[place] = self._home.named(f"{self._owner}.arguments", self._owner, None)
            return self.names[place]
        source = self._source(place)
        name = None if source is None else self._home.shared(_plain(place[-1]), source)
        if name is None:
            is_named = len(place) == 2 and place[0] in _DEFINITIONS
            wanted = place[-1] if is_named else f"{self._owner}.{place[-1]}"
            name = self.names[place] = self._home.named(wanted, self._owner, source)
            self._home.schemas[name] = self.moved(self._at(place))
        self.names[place] = name
        return name

    def _source(self, place: _Place) -> tuple[str, str] | None:
        """What a definition says with all it leads to; None where that is this schema's alone."""
        reached: dict[_Place, Any] = {}
        ahead = [place]
        while ahead:
            here = ahead.pop()
            if len(here) != 2 or here[0] not in _DEFINITIONS:
                return None
            if here not in reached:
                reached[here] = self._at(here)
                targets = [self._place(target) for target in _targets(reached[here])]
                ahead += [target for target in targets if target is not None]
        said = sorted((name, json.dumps(node)) for (_, name), node in reached.items())
        return place[1], json.dumps(said)

    def _place(self, target: object) -> _Place | None:
        """Where in the document a reference leads; None where it leads nowhere in it."""
        if not isinstance(target, str) or not target.startswith("#"):
            return None
        pointer = unquote(target[1:])
        if pointer and not pointer.startswith("/"):
            return _anchored(self._document, pointer, ())
        steps = pointer.split("/")[1:]
        place = tuple([step.replace("~1", "/").replace("~0", "~") for step in steps])
        return None if self._at(place) is None else place

    def _at(self, place: _Place) -> Any:
        node: Any = self._document
        for step in place:
            if isinstance(node, list):
                node = node[int(step)] if step.isdecimal() and int(step) < len(node) else None
            else:
                node = node.get(step) if isinstance(node, dict) else None
        return node if isinstance(node, (dict, bool)) else None


def _inner(node: Any) -> list[tuple[_Place, Any]]:
    """The schemas right inside a schema, and where in it they stand."""
    found: list[tuple[_Place, Any]] = []
    for key, value in node.items() if isinstance(node, dict) else ():
        if key in _MAPS and isinstance(value, dict):
            found += [((key, name), inner) for name, inner in value.items()]
        elif key in _SCHEMAS and isinstance(value, list):
            found += [((key, str(at)), inner) for at, inner in enumerate(value)]
        elif key in _SCHEMAS:
            found.append(((key,), value))
    return found


def _targets(node: Any) -> list[Any]:
    """Every reference in a schema."""
    own = [node["$ref"]] if isinstance(node, dict) and "$ref" in node else []
    return own + [target for _, inner in _inner(node) for target in _targets(inner)]


def _anchored(node: Any, anchor: str, place: _Place) -> _Place | None:
    """Where the schema stands that has this anchor."""
    if isinstance(node, dict) and node.get("$anchor") == anchor:
        return place
    found = (_anchored(inner, anchor, place + step) for step, inner in _inner(node))
    return next((one for one in found if one is not None), None)


def _plain(name: str) -> str:
    """A name that a component may have: letters, digits, ``.``, ``-`` and ``_``."""
    made = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    return made or "_"
