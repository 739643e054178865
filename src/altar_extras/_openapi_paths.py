"""The OpenAPI 3.1 document of a session: one operation per tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar_extras._openapi_components import HOME, Components

if TYPE_CHECKING:
    from altar import FunctionDeclaration

__all__ = ["PREFIX", "STATUSES", "document_of", "status_of"]

PREFIX = "/tools/"
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
    shared = Components({_ERROR_NAME: _ERROR})
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
    declaration: FunctionDeclaration, components: Components, is_guarded: bool
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
        "content": {"application/json": {"schema": {"$ref": HOME + _ERROR_NAME}}},
    }
    if status in (429, 503):
        said["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        }
    return said
