"""The Interactions side of FakeGemini: stored conversations, the order of steps, call ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.testing._fake_gemini_rules import DUMMY, seals_thoughts
from altar.testing._fake_gemini_tools import function_name_problem
from altar.testing._fake_interactions_read import read_steps
from altar.testing._fake_interactions_write import events_of, interaction_of
from altar.testing._fake_seal import Seal, decoded

if TYPE_CHECKING:
    from altar.llm import Request, Response
    from altar.testing._fake_http import Answered, ServerEvent
    from altar.testing._fake_server import FakeCall, FakeServer

__all__ = ["Interactions", "steps_of"]

_FIELDS = frozenset(
    {
        *("model", "agent", "input", "tools", "system_instruction", "generation_config", "stream"),
        *("store", "previous_interaction_id", "response_format", "response_mime_type"),
        *("response_modalities", "background", "labels", "safety_settings", "service_tier"),
        *("cached_content", "continuation_token", "environment", "webhook_config"),
        *("agent_config", "user"),
    }
)
_CONTENT = frozenset({"text", "image", "audio", "document", "video", "file"})
_MODES = ("auto", "any", "none", "validated")
_LEVELS = ("minimal", "low", "medium", "high", "xhigh")
_MISSING = (
    "Function call is missing a thought_signature. The `function_call` step at position {position} "
    "must follow the `thought` step, with its `signature`, that the model returned before it."
)


class Interactions:
    """The conversations one server stores, and what it refuses."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._seal = Seal("gemini interactions")
        self._stored: dict[str, list[dict[str, Any]]] = {}

    def read(self, call: FakeCall) -> Request:
        """The neutral Request of the whole conversation; refuses what breaks a rule."""
        body = call.body
        for name in body:
            if name not in _FIELDS:
                raise self._bad(f"Unknown parameter '{name}'.")
        if not body.get("model") and not body.get("agent"):
            raise self._bad("Either 'model' or 'agent' must be specified.")
        if not body.get("input"):
            raise self._bad("'input' is required.")
        self._check_tools(body)
        self._check_config(body.get("generation_config") or {}, body)
        given = steps_of(body["input"])
        earlier = self._earlier(body.get("previous_interaction_id"))
        self._check_steps(given)
        self._check_order([*earlier, *given])
        self._check_signatures(call.model, given)
        return read_steps(call, [*earlier, *given])

    def write(self, call: FakeCall, response: Response) -> dict[str, Any]:
        """The interaction, stored unless the request said not to."""
        number = self._server.number
        interaction = interaction_of(
            response, call, number, lambda: self._seal.sign(number(), "thought")
        )
        body = call.body
        if body.get("store", True):
            earlier = self._earlier(body.get("previous_interaction_id"))
            history = [*earlier, *steps_of(body["input"]), *interaction["steps"]]
            with self._server.lock:
                self._stored[interaction["id"]] = history
            if "previous_interaction_id" in body:
                interaction["previous_interaction_id"] = body["previous_interaction_id"]
        return interaction

    def write_events(self, call: FakeCall, response: Response) -> list[ServerEvent]:
        """interaction.created to interaction.completed, and the end mark."""
        return events_of(self.write(call, response))

    def _bad(self, message: str) -> Answered:
        return self._server.refused(400, message, api="interactions")

    def _earlier(self, previous: Any) -> list[dict[str, Any]]:
        if previous is None:
            return []
        with self._server.lock:
            found = self._stored.get(previous)
        if found is None:
            raise self._server.refused(
                404, f"Interaction '{previous}' was not found.", api="interactions"
            )
        return found

    def _check_tools(self, body: dict[str, Any]) -> None:
        names: set[str] = set()
        for at, tool in enumerate(body.get("tools") or ()):
            if not isinstance(tool, dict) or "type" not in tool:
                raise self._bad(f"tools[{at}]: 'type' is required.")
            if tool["type"] != "function":
                continue
            name = tool.get("name")
            problem = function_name_problem(name)
            if problem:
                raise self._bad(f"tools[{at}].name: {problem}")
            if name in names:
                raise self._bad(f"Duplicate function declaration found: {name}")
            names.add(str(name))
            schema = tool.get("parameters", {"type": "object"})
            if not isinstance(schema, dict) or schema.get("type", "object") != "object":
                raise self._bad(f"tools[{at}].parameters: schema must be of type object")

    def _check_config(self, config: dict[str, Any], body: dict[str, Any]) -> None:
        level = config.get("thinking_level")
        if level is not None and level not in _LEVELS:
            raise self._bad(f"generation_config.thinking_level: invalid value '{level}'.")
        choice = config.get("tool_choice")
        allowed = choice.get("allowed_tools") or {} if isinstance(choice, dict) else {}
        mode = allowed.get("mode", "auto") if isinstance(choice, dict) else choice
        if mode is not None and mode not in _MODES:
            raise self._bad(f"generation_config.tool_choice: invalid value '{mode}'.")
        names = [tool.get("name") for tool in body.get("tools") or ()]
        for name in allowed.get("tools") or ():
            if name not in names:
                raise self._bad(f"allowed_tools contains '{name}', which is not declared.")

    def _check_steps(self, steps: list[Any]) -> None:
        """Each step has the fields it needs."""
        needed = {
            "function_call": ("id", "name", "arguments"),
            "function_result": ("call_id", "result"),
            "user_input": ("content",),
            "model_output": ("content",),
        }
        for at, step in enumerate(steps):
            kind = step.get("type") if isinstance(step, dict) else None
            if not isinstance(kind, str):
                raise self._bad(f"input[{at}]: 'type' is required.")
            for name in needed.get(kind, ()):
                if name not in step:
                    raise self._bad(f"input[{at}]: '{name}' is required for a {kind} step.")
            if kind == "function_call" and not isinstance(step["arguments"], dict):
                raise self._bad(f"input[{at}].arguments: must be an object.")

    def _check_order(self, steps: list[dict[str, Any]]) -> None:
        """Function calls are answered, each once, before anything else is said."""
        waiting: list[str] = []
        answered = False
        for at, step in enumerate(steps):
            kind = step["type"]
            if kind == "function_call":
                if answered and waiting:
                    raise self._unanswered(waiting)
                waiting.append(step["id"])
                answered = False
            elif kind == "function_result":
                if step["call_id"] not in waiting:
                    raise self._bad(
                        f"input[{at}]: no function_call step with id '{step['call_id']}' awaits "
                        "this function response."
                    )
                waiting.remove(step["call_id"])
                answered = True
            elif waiting and kind in ("user_input", "model_output"):
                raise self._unanswered(waiting)
        if waiting:
            raise self._unanswered(waiting)

    def _unanswered(self, waiting: list[str]) -> Answered:
        ids = ", ".join(waiting)
        return self._bad(
            "Please ensure that every function_call step is followed by its function response: no "
            f"function_result for call_id {ids}."
        )

    def _check_signatures(self, model: str, given: list[dict[str, Any]]) -> None:
        """Thoughts carry this server's signature; in the current turn calls follow theirs."""
        users = [at for at, step in enumerate(given) if step["type"] == "user_input"]
        start = users[-1] if users else 0
        signed = False
        for at, step in enumerate(given):
            kind = step["type"]
            if kind == "thought":
                signature = step.get("signature")
                if signature is not None and not self._is_known(signature):
                    raise self._bad("Corrupted thought signature.")
                signed = signature is not None
            elif kind == "function_call" and at >= start:
                if not signed and seals_thoughts(model):
                    raise self._bad(_MISSING.format(position=at + 1))
            elif kind in ("function_result", "user_input"):
                signed = False

    def _is_known(self, signature: Any) -> bool:
        dummy = signature == DUMMY or decoded(signature) == DUMMY.encode()
        return dummy or self._seal.read(signature) is not None


def steps_of(given: Any) -> list[dict[str, Any]]:
    """The steps an ``input`` stands for: a text, a content, a list of contents, or of steps."""
    if isinstance(given, str):
        given = [{"type": "text", "text": given}]
    if isinstance(given, dict):
        given = [given]
    kinds = [item.get("type") if isinstance(item, dict) else None for item in given]
    if kinds and all(kind in _CONTENT for kind in kinds):
        return [{"type": "user_input", "content": given}]
    return list(given)
