"""generate, stream, Agent and Chat: where tools, a model and the loop meet."""

from __future__ import annotations

from altar.agent._agent import Agent, Chat
from altar.agent._ask import agenerate, astream, generate, stream

__all__ = ["Agent", "Chat", "agenerate", "astream", "generate", "stream"]
