"""The server of the conformance suite: its tools, prompts and resources, made with altar."""

from __future__ import annotations

import asyncio
from typing import Any

import altar
from altar.bridge import Importer
from altar.mcp import Resource, Server, ServerOptions, elicit

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(24)


@altar.tool(read_only=True)
def test_simple_text() -> str:
    """A text."""
    return "This is a simple text response for testing."


@altar.tool
def test_image_content() -> altar.Blob:
    """A picture."""
    return altar.Blob("image/png", PNG)


@altar.tool
def test_audio_content() -> altar.Blob:
    """A sound."""
    return altar.Blob("audio/wav", WAV)


@altar.tool
def test_embedded_resource() -> altar.Blob:
    """A resource inside the result."""
    return altar.Blob("text/plain", b"This is an embedded resource content.")


@altar.tool
def test_multiple_content_types() -> list[str | altar.Blob]:
    """A text, a picture and a resource."""
    return ["Multiple:", altar.Blob("image/png", PNG), altar.Blob("application/json", b"{}")]


@altar.tool
def test_error_handling() -> str:
    """Fails."""
    raise altar.ToolError("This tool intentionally returns an error for testing")


@altar.tool
async def test_tool_with_progress(context: altar.Context) -> str:
    """Says how far it is."""
    for at in (0, 50, 100):
        context.progress({"progress": at, "total": 100})
        await asyncio.sleep(0.01)
    return "done"


@altar.tool
async def test_elicitation(message: str) -> str:
    """Asks the person."""
    form = {
        "type": "object",
        "properties": {
            "username": {"type": "string", "description": "User's response"},
            "email": {"type": "string", "description": "User's email address"},
        },
        "required": ["username", "email"],
    }
    said = await elicit(message, form)
    return f"User response: action={said.action}, content={said.content}"


@altar.tool
async def test_elicitation_sep1034_defaults() -> str:
    """Asks with defaults."""
    names = ["active", "inactive", "pending"]
    form = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": names, "default": "active"},
            "verified": {"type": "boolean", "default": True},
        },
    }
    said = await elicit("Please review", form)
    return f"Elicitation completed: action={said.action}, content={said.content}"


@altar.tool
async def test_elicitation_sep1330_enums() -> str:
    """Asks with every kind of choice."""
    options = ["option1", "option2", "option3"]
    titled = [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]
    legacy = {"enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]}
    form = {
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": options},
            "titledSingle": {"type": "string", "oneOf": titled},
            "legacyEnum": {"type": "string", **legacy},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
            "titledMulti": {"type": "array", "items": {"anyOf": titled}},
        },
    }
    said = await elicit("Please choose", form)
    return f"Elicitation completed: action={said.action}, content={said.content}"


@altar.tool
def test_simple_prompt() -> str:
    """A prompt."""
    return "This is a simple prompt for testing."


@altar.tool
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with arguments.

    Args:
        arg1: First test argument
        arg2: Second test argument
    """
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@altar.tool
def test_prompt_with_embedded_resource(resourceUri: str) -> Any:  # noqa: N803 - the suite's name
    """A prompt with a resource inside."""
    inside = {"uri": resourceUri, "mimeType": "text/plain", "text": "Embedded resource content."}
    return [
        {"role": "user", "content": {"type": "resource", "resource": inside}},
        "Please process the embedded resource above.",
    ]


@altar.tool
def test_prompt_with_image() -> list[Any]:
    """A prompt with a picture."""
    return [altar.Blob("image/png", PNG), "Please analyze the image above."]


def schema_tool() -> Any:
    """A tool whose schema is somebody else's."""
    importer = Importer("the conformance suite")
    importer.add(
        "json_schema_2020_12_tool",
        lambda args, context: args,
        description="Tool with JSON Schema 2020-12 features",
        parameters={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {
                "address": {
                    "type": "object",
                    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
                }
            },
            "properties": {
                "name": {"type": "string"},
                "address": {"$ref": "#/$defs/address"},
            },
            "additionalProperties": False,
        },
    )
    return importer.tools()


TOOLS = [
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
    test_error_handling,
    test_tool_with_progress,
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
    *schema_tool(),
]

server = Server(
    TOOLS,
    name="altar-everything",
    prompts=[
        test_simple_prompt,
        test_prompt_with_arguments,
        test_prompt_with_embedded_resource,
        test_prompt_with_image,
    ],
    resources=[
        Resource("test://static-text", "This is the content of the static text resource."),
        Resource("test://static-binary", PNG, mime_type="image/png"),
        Resource("test://watched-resource", "watched"),
        Resource("test://template/{id}/data", lambda id: {"id": id, "data": f"Data for ID: {id}"}),
    ],
    options=ServerOptions(instructions="For tests."),
)
