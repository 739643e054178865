"""What an agent of pydantic-ai asks its model, as a request of altar's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    BinaryContent,
    FileUrl,
    ModelRequest,
    SystemPromptPart,
    TextContent,
    ToolReturnPart,
    UploadedFile,
    UserPromptPart,
)
from pydantic_ai.settings import ToolOrOutput

from altar.adm import ToolConfig, ToolMode, adopt
from altar.errors import ConfigurationError, InvalidDataError
from altar.llm import (
    BlobPart,
    Message,
    OutputSpec,
    Request,
    Sampling,
    Text,
    ToolResultPart,
)
from altar_extras._pydantic_ai_answers import to_message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.tools import ToolDefinition

    from altar.adm import FunctionDeclaration
    from altar.llm import Part

__all__ = ["Asked"]

_ERRORS = ("failed", "retried")
_EFFORTS: dict[Any, Any] = {"xhigh": "high", "max": "high", False: "none"}


class Asked:
    """One request: ``request`` is altar's, ``foreign`` the tools' names as the agent has them."""

    def __init__(
        self,
        model: str,
        messages: Sequence[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        own: Mapping[str, Any],
    ) -> None:
        self.foreign: dict[str, str] = {}
        self._legal: dict[str, str] = {}
        given: Mapping[str, Any] = settings or {}
        tools = tuple(map(self._declared, _offered(parameters)))
        instructions, told = self._told(messages)
        self.request = Request(
            model=model,
            messages=told,
            instructions=_instructions(messages, parameters, instructions),
            tools=tools,
            tool_choice=self._choice(given.get("tool_choice"), parameters) if tools else None,
            output=_output(parameters),
            sampling=_sampling(given, parameters),
            settings=own,
        )

    def legal(self, name: str) -> str:
        """The name altar has for a tool of the agent's."""
        return self._legal.get(name, name)

    def _declared(self, tool: ToolDefinition) -> FunctionDeclaration:
        document = {
            "name": tool.name,
            "description": tool.description or "",
            "parameters": tool.parameters_json_schema,
        }
        try:
            made = adopt(document, taken=self.foreign).declaration
        except InvalidDataError as error:
            raise UserError(f"altar cannot declare the tool {tool.name!r}: {error}") from error
        self.foreign[made.name] = tool.name
        self._legal[tool.name] = made.name
        return made

    def _told(self, messages: Sequence[ModelMessage]) -> tuple[list[str], tuple[Message, ...]]:
        """What system prompts say at the beginning, and the messages."""
        system: list[str] = []
        found: list[Message] = []
        for message in messages:
            if not isinstance(message, ModelRequest):
                found.append(to_message(message, self.legal))
                continue
            results: list[Part] = []
            words: list[Part] = []
            for part in message.parts:
                if isinstance(part, SystemPromptPart):
                    if found:
                        words.append(Text(part.content))
                    else:
                        system.append(part.content)
                elif isinstance(part, ToolReturnPart):
                    results.append(self._result(part))
                elif isinstance(part, UserPromptPart):
                    words += _words(part.content)
            if results:
                found.append(Message("tool", tuple(results)))
            if words:
                found.append(Message("user", tuple(words)))
        return system, tuple(found)

    def _result(self, part: ToolReturnPart) -> ToolResultPart:
        blobs = [_file(item) for item in part.files]
        return ToolResultPart(
            call_id=part.tool_call_id,
            name=self.legal(part.tool_name),
            text=part.model_response_str(wrap_if_error=False),
            is_error=part.outcome in _ERRORS,
            blobs=tuple([blob for blob in blobs if blob is not None]),
        )

    def _choice(self, said: Any, parameters: ModelRequestParameters) -> ToolConfig | None:
        outputs = [self.legal(tool.name) for tool in parameters.output_tools]
        free = ToolMode.AUTO if parameters.allow_text_output else ToolMode.ANY
        if said == "none":
            if not outputs:
                return ToolConfig(mode=ToolMode.NONE)
            return ToolConfig(mode=free, allowed_function_names=tuple(outputs))
        if isinstance(said, ToolOrOutput):
            names = [*map(self.legal, said.function_tools), *outputs]
            return ToolConfig(mode=free, allowed_function_names=tuple(names))
        if isinstance(said, list):
            return ToolConfig(
                mode=ToolMode.ANY, allowed_function_names=tuple(map(self.legal, said))
            )
        if said == "required" or not parameters.allow_text_output:
            return ToolConfig(mode=ToolMode.ANY)
        return None


def _offered(parameters: ModelRequestParameters) -> list[ToolDefinition]:
    return [*parameters.declared_function_tools, *parameters.output_tools]


def _instructions(
    messages: Sequence[ModelMessage], parameters: ModelRequestParameters, system: list[str]
) -> str | None:
    parts = parameters.instruction_parts
    if parts is not None:
        own = [part.content for part in parts]
    else:
        asked = [m.instructions for m in messages if isinstance(m, ModelRequest) and m.instructions]
        own = asked[-1:]
    return "\n\n".join([text for text in (*system, *own) if text]) or None


def _output(parameters: ModelRequestParameters) -> OutputSpec | None:
    wanted = parameters.output_object
    if parameters.output_mode != "native" or wanted is None:
        return None
    return OutputSpec(name=wanted.name or "answer", schema=wanted.json_schema, load=lambda it: it)


def _sampling(given: Mapping[str, Any], parameters: ModelRequestParameters) -> Sampling:
    effort: Any = parameters.thinking
    try:
        return Sampling(
            max_tokens=given.get("max_tokens"),
            temperature=given.get("temperature"),
            top_p=given.get("top_p"),
            top_k=given.get("top_k"),
            stop=tuple(given.get("stop_sequences") or ()),
            seed=given.get("seed"),
            reasoning=None if effort in (None, True) else _EFFORTS.get(effort, effort),
        )
    except ConfigurationError as error:
        raise UserError(str(error)) from error


def _words(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)]
    found: list[Part] = []
    for item in content:
        if isinstance(item, str):
            found.append(Text(item))
        elif isinstance(item, TextContent):
            found.append(Text(item.content))
        else:
            blob = _file(item)
            if blob is not None:
                found.append(blob)
    return found


def _file(item: Any) -> BlobPart | None:
    if isinstance(item, BinaryContent):
        return BlobPart(item.media_type, item.data)
    if isinstance(item, FileUrl):
        return BlobPart(item.media_type, uri=item.url)
    if isinstance(item, UploadedFile):
        raise UserError(
            f"altar cannot send a file that {item.provider_name} keeps (UploadedFile): give its "
            "content (BinaryContent) or its address (ImageUrl, DocumentUrl)"
        )
    return None  # a mark of a cache
