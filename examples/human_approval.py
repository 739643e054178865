"""Approval: a run pauses before a call that a person must allow, is stored, and goes on later."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import altar
from altar import Options, tool
from altar.llm import Pending, Request, ToolCall, ToolResultPart
from altar.testing import FunctionProvider

FILES = {"report.txt": "the numbers", "old.txt": "last year's"}


@tool
def list_files() -> list[str]:
    """The names of all files."""
    return sorted(FILES)


@tool(approval=True)
def delete_file(path: str) -> str:
    """Delete a file."""
    del FILES[path]
    return f"deleted {path}"


def tidy(request: Request) -> ToolCall | list[ToolCall] | str:
    """A model that looks first and then deletes everything; it goes by the history alone."""
    turns = sum(message.role == "assistant" for message in request.messages)
    if turns == 0:
        return ToolCall("list_files")
    if turns == 1:
        return [ToolCall("delete_file", {"path": path}) for path in ("old.txt", "report.txt")]
    results = [part for part in request.messages[-1].parts if isinstance(part, ToolResultPart)]
    return f"Done: {[part.value for part in results if not part.is_error]}"


TOOLS = [list_files, delete_file]


def ask(store: Path) -> None:
    """The first half: the run ends with what it waits for, which is stored as JSON."""
    reply = altar.generate("Tidy up.", model=FunctionProvider(tidy), tools=TOOLS)
    print(reply.finish, "after", len(reply.calls), "call;", len(FILES), "files")
    if reply.pending is not None:
        store.write_text(json.dumps(reply.pending.to_dict()), "utf-8")


def decide(store: Path) -> None:
    """The second half, as another process would run it: read, decide, go on."""
    pending = Pending.from_dict(json.loads(store.read_text("utf-8")))
    for call in pending.calls:
        print("may it run?", call.name, call.args)
        if call.args["path"].startswith("old"):
            pending = pending.approve(call.call_id)
        else:
            pending = pending.deny(call.call_id, reason="the report is needed")
    reply = altar.generate(pending, model=FunctionProvider(tidy), tools=TOOLS)
    print(reply.finish, [record.result.status.value for record in reply.calls], sorted(FILES))
    print(reply.text)


def at_once() -> None:
    """With somebody at hand, a function is asked in the middle of the run."""
    FILES["old.txt"] = "again"
    options = Options(approve=lambda call: call.args["path"] != "report.txt" or "never the report")
    reply = altar.generate("Tidy up.", model=FunctionProvider(tidy), tools=TOOLS, options=options)
    print(reply.finish, sorted(FILES), reply.usage.requests, "requests")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "pending.json"
        ask(store)
        decide(store)
    at_once()
