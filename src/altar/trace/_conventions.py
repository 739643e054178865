"""The names of what a span tells: OpenTelemetry's where it has one, else ``altar.*``.

OpenTelemetry's are those of its semantic conventions 1.41.0, the last release
that holds the group ``gen_ai`` (its pages: gen-ai-spans, gen-ai-agent-spans).
All of them are here, so that another version is a change of this one module.
"""

from __future__ import annotations

__all__ = [
    "BLOB_PARTS",
    "CONVENTIONS",
    "FINISH_REASONS",
    "JSON_VALUED",
    "PROVIDERS",
    "SCHEMA_URL",
    "provider_name",
]

CONVENTIONS = "1.41.0"
SCHEMA_URL = f"https://opentelemetry.io/schemas/{CONVENTIONS}"

# operations, and with them the names of spans: "invoke_agent", "chat <model>",
# "execute_tool <tool>"
INVOKE_AGENT = "invoke_agent"
CHAT = "chat"
EXECUTE_TOOL = "execute_tool"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
CONVERSATION_ID = "gen_ai.conversation.id"  # that of the session
OUTPUT_TYPE = "gen_ai.output.type"
ERROR_TYPE = "error.type"

REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_TOP_K = "gen_ai.request.top_k"
REQUEST_STOP = "gen_ai.request.stop_sequences"
REQUEST_SEED = "gen_ai.request.seed"

RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_FINISH = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"  # seconds

INPUT_TOKENS = "gen_ai.usage.input_tokens"  # with those read from a cache, and written to it
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"  # with those of reasoning
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"

SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"

TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"

ADAPTATIONS = "altar.adaptations"
ATTEMPT = "altar.attempt"
CALLS = "altar.calls"
COERCIONS = "altar.coercions"
COST = "altar.cost"  # USD, a decimal as text
DETAIL = "altar.detail"
FINISH = "altar.finish"
MESSAGES_OFFSET = "altar.messages.offset"
PARTIAL = "altar.partial"
PURPOSE = "altar.purpose"
REASONING = "altar.reasoning"
RESUMED = "altar.resumed"
ROUND = "altar.round"
ROUNDS = "altar.rounds"
SESSION_ID = "altar.session.id"

# values that are objects, or arrays of them: JSON text where only plain values can go
JSON_VALUED = frozenset({SYSTEM_INSTRUCTIONS, INPUT_MESSAGES, OUTPUT_MESSAGES})

# altar's prefixes by the convention's names; others stay as they are
PROVIDERS = {
    "anthropic": "anthropic",
    "gemini": "gcp.gemini",
    "gemini-interactions": "gcp.gemini",
    "openai": "openai",
    "openai-chat": "openai",
    "vertex": "gcp.vertex_ai",
}

# why a model stopped: altar's words by the convention's
FINISH_REASONS = {
    "blocked": "content_filter",
    "length": "length",
    "malformed": "error",
    "refusal": "content_filter",
    "stop": "stop",
}

# what a part of binary content is, by the first half of its media type
BLOB_PARTS = {"audio": "audio", "image": "image", "video": "video"}


def provider_name(prefix: str) -> str:
    """The provider as the convention calls it."""
    return PROVIDERS.get(prefix, prefix)
