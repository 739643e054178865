"""What Gemini refuses: keys, fields, declarations, turns out of order, signatures that are gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from altar.testing._fake_gemini_tools import check_config, check_tools
from altar.testing._fake_seal import Seal, decoded, digest_of

if TYPE_CHECKING:
    from altar.testing._fake_http import Answered
    from altar.testing._fake_server import FakeCall, FakeServer

__all__ = ["DUMMY", "GeminiRules", "seals_thoughts", "unknown_model"]

DUMMY = "skip_thought_signature_validator"
_KNOWN = ("gemini-", "gemma-", "learnlm-")
_BODY = frozenset(
    {
        *("contents", "systemInstruction", "tools", "toolConfig", "generationConfig"),
        *("safetySettings", "cachedContent", "labels", "serviceTier", "store", "model"),
        *("continuationToken", "modelArmorConfig"),
    }
)
_PART = frozenset(
    {
        *("text", "inlineData", "fileData", "functionCall", "functionResponse", "thought"),
        *("thoughtSignature", "executableCode", "codeExecutionResult", "videoMetadata"),
        *("partMetadata", "mediaResolution", "toolCall", "toolResponse", "audioTranscription"),
        *("mediaProcessing", "speechMetadata", "documentMetadata", "spreadsheetMetadata"),
        "audioMetadata",
    }
)
_DATA = _PART - {"thought", "thoughtSignature", "videoMetadata", "partMetadata", "mediaResolution"}
_MISSING = (
    "Function call is missing a thought_signature in functionCall parts. This is required for "
    "tools to work correctly, and missing thought_signature may lead to degraded model "
    "performance. Additional data, function call `default_api:{name}` , position {position}. "
    "Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
)
_COUNT = (
    "Please ensure that the number of function response parts is equal to the number of function "
    "call parts of the function call turn."
)
_AFTER_CALL = (
    "Please ensure that function response turn comes immediately after a function call turn."
)
_AFTER_USER = (
    "Please ensure that function call turn comes immediately after a user turn or after a function "
    "response turn."
)


def unknown_model(call: FakeCall) -> str:
    """The vendor's words for a model it does not have."""
    return (
        f"models/{call.model} is not found for API version {call.place}, or is not supported for "
        "generateContent. Call ListModels to see the list of available models and their supported "
        "methods."
    )


def seals_thoughts(model: str) -> bool:
    """Whether the model demands its thought signatures back: from Gemini 3 on."""
    found = re.match(r"gemini-(\d+)", model)
    return found is None or int(found[1]) >= 3


class GeminiRules:
    """The rules of one server; the Developer API and Vertex do not read each other's signatures."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._seals = {realm: Seal(f"gemini {realm}") for realm in ("developer", "vertex")}

    def sign(self, realm: str, part: dict[str, Any]) -> str:
        """The signature of a part of an answer."""
        return self._seals[realm].sign(self._server.number(), _kind(part))

    def check_key(self, call: FakeCall) -> None:
        """Raise the vendor's answer when the key or the token is missing or wrong."""
        key = call.headers.get("x-goog-api-key") or call.query.get("key")
        bearer = call.headers.get("authorization", "").removeprefix("Bearer ")
        if key is not None and key != self._server.key:
            words = "API key not valid. Please pass a valid API key."
            raise self._server.refused(400, words, code="API_KEY_INVALID", api=call.api)
        if key is not None:
            return
        if not bearer and call.api != "vertex":
            raise self._server.refused(
                403,
                "Method doesn't allow unregistered callers (callers without established "
                "identity). Please use API Key or other form of API consumer identity to call "
                "this API.",
                api=call.api,
            )
        if bearer != self._server.key:
            raise self._server.refused(
                401,
                "Request had invalid authentication credentials. Expected OAuth 2 access token, "
                "login cookie or other valid authentication credential.",
                api=call.api,
            )

    def check(self, call: FakeCall, body: dict[str, Any]) -> None:
        """Raise the vendor's answer when the body (in camelCase) breaks a rule."""
        self.check_model(call)
        self._known(body, _BODY, "")
        contents = body.get("contents")
        if not isinstance(contents, list) or not contents:
            raise self.bad("* GenerateContentRequest.contents: contents is not specified\n")
        for at, content in enumerate(contents):
            self._check_content(content, at)
        check_tools(body, self.bad)
        check_config(body, call.model, self.bad)
        self._check_turns(contents)
        self._check_signatures(call, contents)

    def check_model(self, call: FakeCall) -> None:
        """Raise the vendor's answer when there is no such model."""
        latest = call.model.endswith("-latest") and call.place == "v1"
        if not call.model.startswith(_KNOWN) or latest:
            words = unknown_model(call)
            raise self._server.refused(404, words, api=call.api)

    def bad(self, message: str) -> Answered:
        """A 400 with these words."""
        return self._server.refused(400, message)

    def _known(self, value: dict[str, Any], names: frozenset[str], where: str) -> None:
        for name in value:
            if name not in names:
                place = f" at '{where}'" if where else ""
                raise self.bad(
                    f'Invalid JSON payload received. Unknown name "{name}"{place}: '
                    "Cannot find field."
                )

    def _check_content(self, content: Any, at: int) -> None:
        where = f"contents[{at}]"
        if not isinstance(content, dict):
            raise self.bad(f"Invalid value at '{where}' (type.googleapis.com/Content)")
        self._known(content, frozenset({"role", "parts"}), where)
        if content.get("role", "user") not in ("user", "model", "function"):
            raise self.bad("Please use a valid role: user, model.")
        parts = content.get("parts")
        if not isinstance(parts, list) or not parts:
            raise self.bad(
                f"* GenerateContentRequest.{where}.parts: contents.parts must not be empty.\n"
            )
        for index, part in enumerate(parts):
            place = f"{where}.parts[{index}]"
            self._known(part, _PART, place)
            held = [name for name in part if name in _DATA]
            if len(held) != 1:
                raise self.bad(
                    f"* GenerateContentRequest.{place}.data: required oneof field 'data' must "
                    "have one initialized field\n"
                )
            self._check_call(part, place, content.get("role", "user"))

    def _check_call(self, part: dict[str, Any], place: str, role: str) -> None:
        for name in ("functionCall", "functionResponse"):
            if name in part and not part[name].get("name"):
                raise self.bad(
                    f"* GenerateContentRequest.{place}.{name}.name: [REQUIRED_FIELD_MISSING]\n"
                )
        response = part.get("functionResponse")
        if response is not None and not isinstance(response.get("response"), dict):
            raise self.bad(
                f"Invalid value at '{place}.function_response.response' "
                "(type.googleapis.com/google.protobuf.Struct)"
            )
        args = part.get("functionCall", {}).get("args", {})
        if not isinstance(args, dict):
            raise self.bad(
                f"Invalid value at '{place}.function_call.args' "
                "(type.googleapis.com/google.protobuf.Struct)"
            )
        if role == "model" and response is not None:
            raise self.bad(_AFTER_CALL)
        if role != "model" and "functionCall" in part:
            raise self.bad(_AFTER_USER)

    def _check_turns(self, contents: list[dict[str, Any]]) -> None:
        """Every turn of calls is followed by its responses, each in the place of its call."""
        calls: list[dict[str, Any]] = []
        for at, content in enumerate(contents):
            found = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
            given = [
                part["functionResponse"] for part in content["parts"] if "functionResponse" in part
            ]
            if given and not calls:
                raise self.bad(_AFTER_CALL)
            if calls:
                self._check_pairs(calls, given)
            if found and at == 0:
                raise self.bad(_AFTER_USER)
            if found and contents[at - 1].get("role") == "model":
                raise self.bad(_AFTER_USER)
            calls = found
        if calls:
            raise self.bad(_COUNT)

    def _check_pairs(self, calls: list[dict[str, Any]], given: list[dict[str, Any]]) -> None:
        if len(calls) != len(given):
            raise self.bad(_COUNT)
        for call, response in zip(calls, given, strict=True):
            if call["name"] != response["name"]:
                raise self.bad(
                    "Please ensure that the function response parts are in the order of the "
                    "function call parts of the function call turn: expected a function response "
                    f"for `{call['name']}`, but found `{response['name']}`."
                )
            wanted, answered = call.get("id"), response.get("id")
            if answered and answered != wanted:
                raise self.bad(
                    f"Function response id `{answered}` does not match the function call id "
                    f"`{wanted}` of the function call turn."
                )

    def _check_signatures(self, call: FakeCall, contents: list[dict[str, Any]]) -> None:
        start = _current_turn(contents)
        for at, content in enumerate(contents):
            awaited = at >= start and content.get("role") == "model" and seals_thoughts(call.model)
            for part in content["parts"]:
                signature = part.get("thoughtSignature")
                if awaited and "functionCall" in part:
                    awaited = False
                    if signature is None:
                        name = part["functionCall"]["name"]
                        raise self.bad(_MISSING.format(name=name, position=at + 1))
                if signature is not None:
                    self._check_signature(call, part, signature)

    def _check_signature(self, call: FakeCall, part: dict[str, Any], signature: Any) -> None:
        if signature == DUMMY or decoded(signature) == DUMMY.encode():
            return
        facts = self._seals[call.api].read(signature)
        if facts is None:
            other = "vertex" if call.api == "developer" else "developer"
            known = self._seals[other].read(signature) is not None
            raise self.bad(
                "Thought signature is not valid." if known else "Corrupted thought signature."
            )
        if facts[0] != digest_of(_kind(part)):
            raise self.bad("Corrupted thought signature.")


def _kind(part: dict[str, Any]) -> str:
    """What a signature belongs to: a call of one function, or anything else."""
    call = part.get("functionCall")
    return "part" if call is None else f"call {call['name']}"


def _current_turn(contents: list[dict[str, Any]]) -> int:
    """Where the turn begins that is still going on: after the user's last words."""
    for at in range(len(contents) - 1, -1, -1):
        said = [part for part in contents[at]["parts"] if "functionResponse" not in part]
        if contents[at].get("role", "user") != "model" and said:
            return at
    return 0
