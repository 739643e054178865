"""parrot: a provider of your own, in the shape of altar's: to_request, from_response, and I/O.

The model behind it repeats what it hears; put your vendor's client in its place.
"""

from __future__ import annotations

from typing import Any

from altar.errors import AuthenticationError
from altar.llm import (
    Attempt,
    BaseProvider,
    Capabilities,
    Message,
    Origin,
    Part,
    Request,
    Response,
    Text,
    ToolCall,
    ToolResultPart,
    Usage,
    failure,
)

__all__ = ["ParrotProvider", "from_response", "to_request"]


def to_request(request: Request) -> dict[str, Any]:
    """The vendor's JSON; pure, so that a property test can hold it."""
    return {
        "model": request.model,
        "system": request.instructions,
        "tools": [tool.to_dict(dialect="json-schema") for tool in request.tools],
        "messages": [
            {"role": message.role, "content": [_block(part) for part in message.parts]}
            for message in request.messages
        ],
    }


def _block(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, ToolCall):
        return {"call": part.id, "name": part.name, "args": part.args or {}}
    if isinstance(part, ToolResultPart):
        return {"result": part.call_id, "value": part.value}
    return {"text": str(part)}


def from_response(body: dict[str, Any], request: Request) -> Response:
    """Altar's nouns out of the vendor's JSON; pure as well."""
    parts: list[Part] = []
    for block in body["content"]:
        if "name" in block:
            parts.append(ToolCall(block["name"], block["args"], wire_id=block["id"]))
        else:
            parts.append(Text(block["text"]))
    origin = Origin(provider="parrot", api="squawk", model=request.model)
    usage = Usage(input_tokens=body["in"], output_tokens=body["out"])
    return Response(message=Message("assistant", tuple(parts), origin=origin), usage=usage)


class ParrotProvider(BaseProvider):
    """One attempt per call; the loop retries, limits, streams and cancels."""

    name = "parrot"
    capabilities = Capabilities(native_output=False, blobs=())

    def __init__(self, model: str = "grey") -> None:
        self.model = model

    def complete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer."""
        status, body = squawk(to_request(request))
        if status == 401:
            raise AuthenticationError("parrot: no cracker", provider="parrot", hint="Bring one.")
        if status != 200:
            raise failure("parrot", str(body), status=status)
        return from_response(body, request)


def squawk(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The vendor: calls the first tool with what it heard, then repeats what came of it."""
    last = body["messages"][-1]["content"][-1]
    if "result" in last or not body["tools"]:
        content: list[dict[str, Any]] = [{"text": f"Awk! {last.get('value', last.get('text'))}"}]
    else:
        tool = body["tools"][0]
        first = next(iter(tool["parameters"]["properties"]), "text")
        content = [{"id": "s1", "name": tool["name"], "args": {first: last["text"]}}]
    return 200, {"content": content, "in": len(str(body)) // 4, "out": 5}
