"""Where references lead: the resources of a schema document, their ids and anchors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from altar.adm._keywords import subschemas
from altar.adm._uri import join_uri, split_fragment, unquote

__all__ = ["Library", "Resource"]

_VALIDATION = "https://json-schema.org/draft/2020-12/vocab/validation"


class Resource:
    """A schema with a URI of its own: its root, and the anchors inside it."""

    __slots__ = ("anchors", "dynamic", "root", "uri")

    def __init__(self, uri: str, root: Any) -> None:
        self.uri = uri
        self.root = root
        self.anchors: dict[str, Any] = {}
        self.dynamic: dict[str, Any] = {}


class Library:
    """The resources of one document, and of the further documents it may refer to.

    ``others`` maps URIs to documents; each is read when a reference first
    needs it. Nothing is ever fetched.
    """

    __slots__ = ("_home", "_others", "_resources", "main")

    def __init__(self, document: Any, others: Mapping[str, Any] | None = None) -> None:
        self._resources: dict[str, Resource] = {}
        self._home: dict[int, Resource] = {}
        self._others = {uri.rstrip("#"): other for uri, other in (others or {}).items()}
        self.main = self._add("", document)

    def home(self, document: Any, default: Resource) -> Resource:
        """The resource a schema object belongs to."""
        return self._home.get(id(document), default)

    def find(self, resource: Resource, reference: str) -> tuple[Any, Resource]:
        """The schema a reference leads to, and its resource; raises LookupError."""
        base, fragment = split_fragment(reference)
        target = self._resource(join_uri(resource.uri, base) if base else resource.uri)
        if not fragment:
            return target.root, self.home(target.root, target)
        fragment = unquote(fragment)
        if fragment.startswith("/"):
            return self._point(target, fragment)
        for names in (target.anchors, target.dynamic):
            if fragment in names:
                return names[fragment], target
        raise LookupError(f"no anchor {fragment!r}")

    def is_known(self, resource: Resource, reference: str) -> bool:
        """Whether the document that a reference names is here at all."""
        base, _ = split_fragment(reference)
        try:
            self._resource(join_uri(resource.uri, base) if base else resource.uri)
        except LookupError:
            return False
        return True

    def asserts(self, resource: Resource) -> bool:
        """False when the resource's own metaschema leaves the validation vocabulary out."""
        declared = resource.root.get("$schema") if isinstance(resource.root, dict) else None
        metaschema = self._others.get(declared.rstrip("#")) if isinstance(declared, str) else None
        vocabulary = metaschema.get("$vocabulary") if isinstance(metaschema, dict) else None
        return not isinstance(vocabulary, dict) or _VALIDATION in vocabulary

    def _resource(self, uri: str) -> Resource:
        found = self._resources.get(uri)
        if found is None and uri in self._others:
            found = self._add(uri, self._others[uri])
        if found is None:
            for other, document in self._others.items():  # the id may stand inside one of them
                if other not in self._resources:
                    self._add(other, document)
            found = self._resources.get(uri)
        if found is None:
            raise LookupError(f"no document {uri!r}")
        return found

    def _add(self, uri: str, document: Any) -> Resource:
        resource = self._resources[uri] = Resource(uri, document)
        self._index(document, resource)
        return resource

    def _index(self, document: Any, resource: Resource) -> None:
        pending = [(document, resource)]
        while pending:
            schema, owner = pending.pop()
            if not isinstance(schema, dict) or id(schema) in self._home:
                continue
            identity = schema.get("$id")
            if isinstance(identity, str):
                uri = split_fragment(join_uri(owner.uri, split_fragment(identity)[0]))[0]
                if schema is owner.root:
                    owner.uri = uri
                else:
                    owner = Resource(uri, schema)
                self._resources.setdefault(uri, owner)
            self._home[id(schema)] = owner
            for keyword, names in (("$anchor", owner.anchors), ("$dynamicAnchor", owner.dynamic)):
                name = schema.get(keyword)
                if isinstance(name, str):
                    names[name] = schema
            pending.extend((child, owner) for _, child in subschemas(schema))

    def _point(self, resource: Resource, pointer: str) -> tuple[Any, Resource]:
        here, home = resource.root, resource
        for token in pointer[1:].split("/"):
            step = token.replace("~1", "/").replace("~0", "~")
            if isinstance(here, dict) and step in here:
                here = here[step]
            elif isinstance(here, list) and step.isdigit() and int(step) < len(here):
                here = here[int(step)]
            else:
                raise LookupError(f"nothing at {pointer!r}")
            home = self.home(here, home)
        if not isinstance(here, (dict, bool)):
            raise LookupError(f"no schema at {pointer!r}")
        self._index(here, home)  # a place no keyword leads to, perhaps
        return here, home
