"""Arguments: one JSON Schema for a call, made of an operation's parameters and its body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar_extras._openapi_body import FILE, Body, Field, kind_of_body
from altar_extras._openapi_library import UncarriedError, a_list, a_mapping, a_text, short
from altar_extras._openapi_params import STYLES, Parameter, is_token, may_be_set

if TYPE_CHECKING:
    from collections.abc import Container

    from altar_extras._openapi_library import Library
    from altar_extras._openapi_schema import Schemas

__all__ = ["Arguments"]

_MOST = 300
# by the specification's own words; and the client reads no other coding
_IGNORED = {"accept", "content-type", "authorization", "accept-encoding"}
_ORDER = ("json", "multipart", "form", "text", "bytes")
_PLAIN = frozenset(
    """type properties required title description example examples default deprecated
    additionalProperties xml externalDocs nullable minProperties maxProperties readOnly
    writeOnly""".split()  # noqa: SIM905
)


class Arguments:
    """Gathers the arguments of one operation; ``schema`` is what a call is checked against.

    Parameters of one name in two places are told apart by the place:
    ``id`` and ``id_query``. The fields of a JSON or form body stand beside
    them where that says the same, else the body is one argument.
    """

    def __init__(self, library: Library, schemas: Schemas) -> None:
        self._library = library
        self._schemas = schemas
        self._properties: dict[str, Any] = {}
        self._required: list[str] = []
        self._whole: dict[str, Any] | None = None
        self._needs: set[str] = set()
        self.parameters: list[Parameter] = []
        self.body: Body | None = None

    @property
    def needs(self) -> set[str]:
        """The names of the definitions that the schema refers to."""
        return self._needs

    def schema(self) -> dict[str, Any]:
        """The schema, on stubs for what it refers to."""
        made = self._whole
        if made is None:
            made = {"type": "object", "properties": self._properties}
            if self._required:
                made["required"] = self._required
            made["additionalProperties"] = False
        return self._schemas.stubs(made, self._needs)

    def add_parameters(self, groups: list[tuple[Any, str]], hidden: Container[str]) -> None:
        """The parameters of path and operation; ``hidden`` are those that secrets fill in."""
        found: dict[tuple[str, str], tuple[dict[str, Any], str]] = {}
        for group, base in groups:
            for given in a_list(group, "parameters"):
                one, home = self._library.resolved(given, base, "a parameter")
                name = a_text(one.get("name"), "a parameter's name")
                place = one.get("in")
                if not isinstance(place, str) or place not in STYLES:
                    raise UncarriedError(f"the parameter {short(name)} is not in {_words(STYLES)}")
                found[name, place] = (one, home)
                if len(found) > _MOST:
                    raise UncarriedError(f"more than {_MOST} parameters")
        for (name, place), (one, home) in found.items():
            lowered = name.lower()
            is_ours = place == "header" and lowered in _IGNORED
            if is_ours or f"{place} {lowered if place == 'header' else name}" in hidden:
                continue
            self._add(name, place, one, home)

    def add_body(self, given: Any, base: str) -> None:
        """The request body."""
        if given is None:
            return
        body, home = self._library.resolved(given, base, "the request body")
        content = a_mapping(body.get("content"), "the request body's content")
        kinds = {kind_of_body(media): media for media in reversed(content)}
        if not kinds:
            raise UncarriedError("the request body has no content")
        kind = next(word for word in _ORDER if word in kinds)
        media_type = kinds[kind]
        if not (media_type.isascii() and media_type.isprintable()):
            raise UncarriedError("the request body has a media type that is none")
        media = a_mapping(content[media_type], f"the content {short(media_type)}")
        required = body.get("required") is True
        if kind == "bytes":
            self._nest(Body(kind, media_type, "", None, required, {}), dict(FILE))
            return
        schema = media.get("schema", {} if kind != "text" else {"type": "string"})
        meant, there = self._schemas.followed(schema, home)
        fields = {}
        if kind in ("form", "multipart"):
            if not isinstance(meant, dict):
                raise UncarriedError("the schema of its form is no object")
            fields = self._fields(meant, there, a_mapping(media.get("encoding"), "encoding"), kind)
        made, needs = self._schemas.convert(schema, home, "request")
        layout = Body(kind, media_type, "", None, required, fields)
        if kind != "text" and self._flat(layout, meant, there, needs):
            return
        self._needs |= needs
        self._nest(layout, _described(_with_files(made, fields), body))

    def _flat(self, layout: Body, meant: Any, base: str, needs: set[str]) -> bool:
        """Put the body's fields among the arguments; False where that is not the same."""
        if not isinstance(meant, dict) or meant.get("type") != "object":
            return False
        properties = meant.get("properties")
        is_plain = isinstance(properties, dict) and meant.keys() - _PLAIN <= {
            word for word in meant if word.startswith("x-")
        }
        lacks = [] if layout.required else meant.get("required")
        if lacks or meant.get("nullable") is True:
            return False
        made, own = self._schemas.convert(meant, base, "request")
        made = _with_files(made, layout.fields)
        if not self.parameters and layout.required:
            self._whole = made
            self._needs |= own
            self.body = layout
            return True
        rest = made.get("additionalProperties", True)
        if not is_plain or "minProperties" in made or "maxProperties" in made:
            return False
        if not made.get("properties") or not isinstance(rest, bool):
            return False
        if made["properties"].keys() & self._properties:
            return False
        self._needs |= own
        self._properties.update(made["properties"])
        self._required += [name for name in made.get("required", []) if name in made["properties"]]
        self.body = layout._replace(names=tuple(made["properties"]))
        return True

    def _nest(self, layout: Body, schema: Any) -> None:
        name = self._free("body", "request")
        self._properties[name] = schema
        if layout.required:
            self._required.append(name)
        self.body = layout._replace(argument=name)

    def _fields(
        self, schema: dict[str, Any], base: str, encoding: dict[str, Any], kind: str
    ) -> dict[str, Field]:
        made: dict[str, Field] = {}
        for name, given in a_mapping(schema.get("properties"), "a form's properties").items():
            meant, home = self._schemas.followed(given, base)
            items = meant.get("items") if isinstance(meant, dict) else None
            inner, _ = self._schemas.followed(items, home)
            said = a_mapping(encoding.get(name), f"the encoding of {short(name)}")
            media, style = said.get("contentType"), said.get("style")
            if style is not None and style not in STYLES["query"]:
                raise UncarriedError(f"the style of the field {short(name)} is unknown")
            made[name] = Field(
                is_file=kind == "multipart" and any(map(self._is_file, (meant, inner))),
                content_type=media.partition(",")[0].strip() if isinstance(media, str) else "",
                style=style or ("form" if "explode" in said or "allowReserved" in said else ""),
                explode=said.get("explode", style in (None, "form")) is True,
                reserved=said.get("allowReserved") is True,
            )
        return made

    def _add(self, name: str, place: str, one: dict[str, Any], base: str) -> None:
        what = f"the parameter {short(name)}"
        if place == "header" and not may_be_set(name):
            raise UncarriedError(f"{what} is a header that a call may not set")
        if place == "cookie" and not is_token(name):
            raise UncarriedError(f"{what} is no name of a cookie")
        content = a_mapping(one.get("content"), f"the content of {what}")
        schema = one.get("schema", {})
        if content:
            media = next(iter(content))
            schema = a_mapping(content[media], f"the content of {what}").get("schema", {})
            as_json = kind_of_body(media) == "json"
        else:
            as_json = False
        style = one.get("style", STYLES[place][0])
        if style not in STYLES[place]:
            raise UncarriedError(f"the style of {what} is not {_words(STYLES[place])}")
        made, needs = self._schemas.convert(schema, base, "request")
        self._needs |= needs
        required = one.get("required") is True or place == "path"
        argument = self._free(name, place)
        self._properties[argument] = _described(made, one)
        if required:
            self._required.append(argument)
        explode = one.get("explode", style == "form")
        reserved = one.get("allowReserved") is True
        self.parameters.append(
            Parameter(argument, name, place, style, explode is True, reserved, as_json, required)
        )

    def _is_file(self, schema: Any) -> bool:
        """Whether a field of a multipart form holds bytes."""
        if not isinstance(schema, dict) or schema.get("type", "string") != "string":
            return False
        if "contentMediaType" in schema:
            return "contentEncoding" not in schema
        says_nothing = not schema.keys() - {"description", "title"}  # bytes, from 3.1 on
        return schema.get("format") == "binary" or (says_nothing and not self._schemas.old)

    def _free(self, name: str, place: str) -> str:
        """A name for an argument that no other has."""
        made, count = name, 1
        while made in self._properties:
            made = f"{name}_{place}" if count == 1 else f"{name}_{place}_{count}"
            count += 1
        return made


def _described(schema: Any, one: dict[str, Any]) -> Any:
    """The schema with what its parameter or body says of it."""
    about = one.get("description")
    made = {} if schema is True else schema
    if not isinstance(made, dict):
        return schema
    if isinstance(about, str) and about.strip() and "description" not in made:
        made = {**made, "description": about}
    if one.get("deprecated") is True:
        made = {**made, "deprecated": True}
    if "example" in one and "examples" not in made:
        made = {**made, "examples": [one["example"]]}
    return made


def _with_files(schema: Any, fields: dict[str, Field] | Any) -> Any:
    """The schema of a form, with its files as a model can say them."""
    names = [name for name, field in fields.items() if field.is_file]
    if not names or not isinstance(schema, dict) or "properties" not in schema:
        return schema
    properties = dict(schema["properties"])
    for name in names:
        if name not in properties:
            continue
        old = properties[name] if isinstance(properties[name], dict) else {}
        about = {"description": old["description"]} if "description" in old else {}
        if old.get("type") == "array":
            kept = {word: old[word] for word in ("minItems", "maxItems") if word in old}
            properties[name] = {"type": "array", "items": dict(FILE), **kept, **about}
        else:
            properties[name] = {**FILE, **about}
    return {**schema, "properties": properties}


def _words(names: Any) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else str(last)
