"""The OpenAPI 3.1 document of a session: one operation per tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from altar import FunctionDeclaration

__all__ = ["PREFIX", "STATUSES", "document_of", "status_of"]

PREFIX = "/tools/"
_HOME = "#/components/schemas/"
_ERROR_NAME = "altar.Error"

# error type -> status; what is not here is the server's own fault
STATUSES = {
    "PARAMETER_VALIDATION_FAILED": 422,
    "TOOL_NOT_FOUND": 404,
    "RESOURCE_NOT_FOUND": 404,
    "PERMISSION_DENIED": 403,
    "APPROVAL_REQUIRED": 403,
    "BUSINESS_RULE_VIOLATION": 409,
    "INVALID_STATE": 409,
    "RATE_LIMIT_EXCEEDED": 429,
    "SERVICE_UNAVAILABLE": 503,
    "CIRCUIT_OPEN": 503,
    "CANCELLED": 503,
    "RESOURCE_EXHAUSTED": 503,
    "TIMEOUT": 504,
}
_SAID = {
    400: "The body is no JSON.",
    401: "A bearer token is missing, or is not known.",
    403: "The call is not allowed, or a person has to approve it first.",
    404: "There is no such tool, or what the tool was asked for is not there.",
    409: "The tool refused: a rule or the state of things forbids it.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "The arguments are wrong; `details.problems` names each.",
    429: "Too many calls; see Retry-After.",
    500: "The tool failed.",
    503: "The tool cannot be had just now, or the call was given up.",
    504: "The tool did not finish in time.",
}
_ERROR = {
    "type": "object",
    "description": "What went wrong, as altar tells it to a model.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "type": {"type": "string", "description": "One of the ADM's error types."},
                "message": {"type": "string"},
                "details": {"type": "object"},
                "retry_allowed": {"type": "boolean"},
                "retry_after_ms": {"type": "integer"},
                "remediation_steps": {"type": "array", "items": {"type": "string"}},
                "correlation_id": {"type": "string"},
            },
            "required": ["type", "message"],
        }
    },
    "required": ["error"],
}


def status_of(error_type: str) -> int:
    """The HTTP status of an error type."""
    return STATUSES.get(error_type, 500)


def document_of(
    declarations: tuple[FunctionDeclaration, ...], *, title: str, version: str, is_guarded: bool
) -> dict[str, Any]:
    """The document; the order of the paths is that of the tools."""
    shared = _Components()
    paths = {
        PREFIX + declaration.name: {"post": _operation(declaration, shared, is_guarded)}
        for declaration in declarations
    }
    components: dict[str, Any] = {"schemas": shared.schemas}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": paths,
        "components": components,
    }
    if is_guarded:
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"bearer": []}]
    return document


def _operation(
    declaration: FunctionDeclaration, components: _Components, is_guarded: bool
) -> dict[str, Any]:
    name = declaration.name
    parameters = declaration.to_dict("json-schema")["parameters"]
    returns = declaration.returns
    answer = {} if returns is None else returns.to_dict("json-schema")
    statuses = sorted({*_SAID} if is_guarded else {*_SAID} - {401})
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": declaration.description.strip().partition("\n")[0][:120],
        "description": declaration.description,
        "responses": {
            "200": {
                "description": "What the tool returned.",
                "content": {
                    "application/json": {"schema": components.hoisted(answer, f"{name}.result")}
                },
            },
            **{str(status): _refused(status) for status in statuses},
        },
    }
    if parameters.get("properties") or parameters.get("additionalProperties") is not False:
        operation["requestBody"] = {
            "required": bool(parameters.get("required")),
            "content": {"application/json": {"schema": components.hoisted(parameters, name)}},
        }
    # the names of an extension of OpenAPI's begin with x-
    for field, value in declaration.extensions.items():
        if value is True:
            operation[field.replace("_", "-")] = True
    return operation


def _refused(status: int) -> dict[str, Any]:
    said: dict[str, Any] = {
        "description": _SAID[status],
        "content": {"application/json": {"schema": {"$ref": _HOME + _ERROR_NAME}}},
    }
    if status in (429, 503):
        said["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        }
    return said


class _Components:
    """The schemas that operations share by reference: a document's references look there alone."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {_ERROR_NAME: _ERROR}
        self._sources: dict[str, Any] = {_ERROR_NAME: None}

    def hoisted(self, schema: Any, owner: str) -> Any:
        """The schema, its definitions moved to the components.

        They keep their names, unless another tool's definition of the same
        name says something else. A reference to the schema itself makes it a
        component as well.
        """
        if not isinstance(schema, dict):
            return schema
        defs = {_plain(name): inner for name, inner in schema.get("$defs", {}).items()}
        same = all(self._sources.get(name, inner) == inner for name, inner in defs.items())
        names = {name: name if same else f"{owner}.{name}" for name in defs}
        named = {f"#/$defs/{_escaped(n)}": names[_plain(n)] for n in schema.get("$defs", {})}
        named["#"] = f"{owner}.arguments"
        met: set[str] = set()
        for name, inner in defs.items():
            self._sources[names[name]] = inner
            self.schemas[names[name]] = _moved(inner, named, met)
        body = {key: value for key, value in schema.items() if key not in ("$defs", "$schema")}
        moved = _moved(body, named, met)
        if "#" not in met:
            return moved
        self.schemas[named["#"]] = moved
        return {"$ref": _HOME + named["#"]}


def _moved(node: Any, named: dict[str, str], met: set[str]) -> Any:
    """A copy in which every reference leads to the components."""
    if isinstance(node, list):
        return [_moved(item, named, met) for item in node]
    if not isinstance(node, dict):
        return node
    made = {}
    for key, value in node.items():
        if key == "$ref" and isinstance(value, str) and value in named:
            met.add(value)
            made[key] = _HOME + named[value]
        elif key in ("const", "enum", "default", "examples"):
            made[key] = value  # values, not schemas
        else:
            made[key] = _moved(value, named, met)
    if (
        made.get("type") == "integer"
    ):  # altar's integers are of 64 bits, which OpenAPI has a word for
        made.setdefault("format", "int64")
    return made


def _plain(name: str) -> str:
    """A name that a component may have: letters, digits, ``.``, ``-`` and ``_``."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
