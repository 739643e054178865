"""Message threads: conversations that Anthropic's server keeps between requests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from altar.testing._fake_server import FakeCall, FakeServer

__all__ = ["Threads"]

_BETA = "message-threads-"


class Threads:
    """What one server keeps of each answered request that began or went on with a thread."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._kept: dict[str, dict[str, Any]] = {}  # a message's id -> the body up to it

    def whole(self, call: FakeCall) -> FakeCall:
        """The call with the body that its thread makes of it; refuses a thread nobody keeps."""
        thread = call.body.get("thread")
        if thread is None or _BETA not in call.headers.get("anthropic-beta", ""):
            return call
        given = {name: value for name, value in call.body.items() if name != "thread"}
        if isinstance(thread, dict) and thread.get("type") == "continue":
            with self._server.lock:
                kept = self._kept.get(thread.get("previous_message_id", ""))
            if kept is None:
                raise self._server.refused(404, "thread: previous_message_id was not found")
            messages = [*kept["messages"], *given.get("messages", ())]
            given = {**kept, **given, "messages": messages}
        return replace(call, body=given, place="thread")

    def keep(self, call: FakeCall, message: dict[str, Any]) -> None:
        """Keep the conversation up to the answer, where it is a thread's."""
        if call.place != "thread":
            return
        said = {"role": "assistant", "content": message["content"]}
        kept = {name: value for name, value in call.body.items() if name != "stream"}
        kept["messages"] = [*call.body["messages"], said]
        with self._server.lock:
            self._kept[message["id"]] = kept
