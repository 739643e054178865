"""Servers that speak OpenAI's chat completions: the wire, pure; and the ``local:`` provider."""

from __future__ import annotations

from altar.llm.openai_compatible._chat import chat_request, merged
from altar.llm.openai_compatible._dialect import LOCAL, ChatDialect
from altar.llm.openai_compatible._faults import glimpse
from altar.llm.openai_compatible._http import Timeout
from altar.llm.openai_compatible._provider import LocalProvider, Server
from altar.llm.openai_compatible._reader import ChatReader, chat_failure, chat_response
from altar.llm.openai_compatible._sse import SseReader

__all__ = [
    "LOCAL",
    "ChatDialect",
    "ChatReader",
    "LocalProvider",
    "Server",
    "SseReader",
    "Timeout",
    "chat_failure",
    "chat_request",
    "chat_response",
    "glimpse",
    "merged",
]
