"""Schemas as models: classes with types for what a schema says, and the schema of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model

from altar.adm import FunctionDeclaration, Schema
from altar.errors import ConfigurationError, InvalidDataError
from altar.later import schema_of as altar_schema_of
from altar_extras._pydantic_out import ToolModel, field_names
from altar_extras._pydantic_types import Types

__all__ = ["SchemaModel", "model_of", "schema_of"]

_OBJECT = {"type", "properties", "required", "additionalProperties"}
_SAID = {
    "title",
    "description",
    "default",
    "examples",
    "$comment",
    "$schema",
    "$defs",
    "discriminator",
}


class SchemaModel(BaseModel):
    """A model made by :func:`model_of`; ``altar_schema`` is what it was made of."""

    model_config = ConfigDict(protected_namespaces=())

    altar_schema: ClassVar[Schema]

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
        """Exactly the schema that the model was made of."""
        return cast("dict[str, Any]", cls.altar_schema.to_dict("json-schema"))


def schema_of(model: Any) -> Schema:
    """The Schema of a model, of a TypeAdapter, and of any type that a tool may take.

    Aliases are the names, discriminators the constants of the branches;
    definitions stay where they are recursive. Raises DeclarationError for what
    has no JSON schema.
    """
    if isinstance(model, type) and issubclass(model, ToolModel):
        return model.altar_declaration.parameters
    if isinstance(model, type) and issubclass(model, SchemaModel):
        return model.altar_schema
    if isinstance(model, TypeAdapter):
        return altar_schema_of(model._type)  # noqa: SLF001 - it has no other name
    return altar_schema_of(model)


def model_of(
    schema: Schema | Mapping[str, Any] | FunctionDeclaration, *, name: str = "Model"
) -> type[SchemaModel]:
    """A pydantic model of the objects that ``schema`` describes (a declaration: its parameters).

    Nested objects are models, formats such as ``date-time`` Python types, enums
    Literals, bounds Field's, branches that a constant tells apart a
    discriminated union; a recursive schema is a recursive model. A keyword that
    Python's types cannot say is checked as it stands. A name that cannot be an
    attribute gets a similar one and stays as the alias. pydantic's usual
    conversions hold ("42" is an integer): ``Schema.check`` is the strict judge.

    Raises ConfigurationError for a schema of anything but an object.
    """
    document = _document_of(schema)
    maker = _Maker(document)
    body, label = maker.resolved(document)
    if not isinstance(body, dict) or ("properties" not in body and body.get("type") != "object"):
        raise ConfigurationError(
            "model_of(schema) takes a schema of an object; put another one into "
            '{"type": "object", "properties": {"value": ...}}'
        )
    made = maker.model(body, name) if label is None else maker.named(label, name)
    maker.finish()
    return made


def _document_of(schema: Any) -> dict[str, Any]:
    if isinstance(schema, FunctionDeclaration):
        schema = schema.parameters
    if not isinstance(schema, Schema):
        try:
            schema = Schema.from_dict(schema)
        except InvalidDataError as error:
            raise ConfigurationError(f"model_of(...): {error}") from error
    document = schema.to_dict("json-schema")
    return document if isinstance(document, dict) else {}


class _Maker:
    """Makes the models of one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._defs: dict[str, Any] = document.get("$defs", {})
        self._made: dict[str, type[SchemaModel]] = {}  # by definition
        self._begun: dict[str, str] = {}  # definition -> class name
        self._names: set[str] = set()
        self._space: dict[str, Any] = {}
        self._types = Types(self._defs, self)

    def resolved(self, node: Any) -> tuple[Any, str | None]:
        """What a node says, and the definition that says it."""
        label = None
        seen: set[str] = set()
        while isinstance(node, dict) and str(node.get("$ref", "")).startswith("#/$defs/"):
            label = node["$ref"].removeprefix("#/$defs/").replace("~1", "/").replace("~0", "~")
            if label in seen or label not in self._defs:
                return True, None
            seen.add(label)
            node = self._defs[label]
        if isinstance(node, dict) and "$ref" in node:
            raise ConfigurationError(
                f"model_of(...): the reference {node['$ref']!r:.60} leads elsewhere than to "
                "'#/$defs/NAME': move what it means into $defs"
            )
        return node, label

    def named(self, label: str, name: str | None = None) -> Any:
        """The model of a definition, or a forward reference while it is being made."""
        if label in self._made:
            return self._made[label]
        if label in self._begun:
            return self._begun[label]
        self._begun[label] = chosen = self._free(name or label)
        made = self._made[label] = self.model(self._defs[label], chosen, named=True)
        return made

    def model(self, body: dict[str, Any], name: str, *, named: bool = False) -> type[SchemaModel]:
        """The model of one object."""
        name = name if named else self._free(name)
        properties: dict[str, Any] = body.get("properties", {})
        required = body.get("required", ())
        config = ConfigDict(extra="allow")
        fields: dict[str, Any] = {}
        rest = body.get("additionalProperties", True)
        if rest is False:
            config = ConfigDict(extra="forbid")
        for key, attribute in field_names(properties, SchemaModel).items():
            node = properties[key]
            annotation = self._types.of(node, f"{name}_{attribute}")
            options: dict[str, Any] = {} if key == attribute else {"alias": key}
            if isinstance(node, dict) and isinstance(node.get("description"), str):
                options["description"] = node["description"]
            default = ... if key in required else _default(node)
            fields[attribute] = (annotation, Field(default, **options))
        checks: dict[str, Any] = {}
        beyond = body.keys() - _OBJECT - _SAID
        if beyond or isinstance(rest, dict) or set(required) - set(properties):
            own = {key: body[key] for key in body.keys() - {"properties"}}
            own["properties"] = dict.fromkeys(properties, True)
            checks = {"altar_check": self._types.model_check(own)}
        made: type[SchemaModel] = create_model(
            name,
            __base__=type(
                f"{name}Base", (SchemaModel,), {"model_config": config, "__module__": __name__}
            ),
            __doc__=body.get("description"),
            __validators__=checks,
            **fields,
        )
        made.altar_schema = Schema.from_dict({**body, "$defs": self._defs} if self._defs else body)
        self._space[name] = made
        return made

    def finish(self) -> None:
        """Resolve what refers forward."""
        for made in self._space.values():
            made.model_rebuild(force=True, _types_namespace=self._space)

    def _free(self, name: str) -> str:
        words = re.split(r"[^0-9A-Za-z]+", name)
        plain = "".join(word[:1].upper() + word[1:] for word in words) or "Model"
        plain = plain if plain.isidentifier() else f"Model{plain}"
        found, number = plain, 2
        while found in self._names:
            found, number = f"{plain}{number}", number + 1
        self._names.add(found)
        return found


def _default(node: Any) -> Any:
    return node.get("default") if isinstance(node, dict) else None
