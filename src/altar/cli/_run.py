"""``altar run``: a question, your tools, and every call the model makes, as it happens."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import altar
from altar.cli._approve import approver, show_pending
from altar.cli._calls import Progress, show_call
from altar.cli._console import CliError, Console
from altar.cli._failure import show_cause
from altar.cli._target import DEPS_HELP, HELP, deps_of, tools_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from altar.adm import FunctionCall
    from altar.cli._target import Tool
    from altar.llm import Event, Reply, ToolResultEvent

__all__ = ["configure", "converse", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("question", help="what to ask the model")
    parser.add_argument("--tools", metavar="FILE_OR_MODULE", action="append", default=[], help=HELP)
    parser.add_argument("--model", help="prefix:name; without it ALTAR_MODEL, or the offline one")
    parser.add_argument("--instructions", help="what the model is told before the question")
    parser.add_argument("--deps", metavar="FILE_OR_MODULE:NAME", help=DEPS_HELP)
    parser.add_argument(
        "--approve-all",
        action="store_true",
        help="run calls that need a person's approval without asking",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run the loop; 0 when the model came to its answer, 1 when the run stopped before.

    A call that needs approval is put to the person at the terminal. Without a
    terminal the run ends there, and the calls that wait are listed.
    """
    if not arguments.question.strip():
        raise CliError("the question is empty")
    tools = [tool for target in arguments.tools for tool in tools_of(target)]
    reply = converse(
        arguments.question,
        tools,
        console if not arguments.json else None,
        model=arguments.model,
        instructions=arguments.instructions,
        deps=deps_of(arguments.deps),
        approve=approver(console, approve_all=arguments.approve_all),
    )
    if not tools:
        console.note("no tools given; --tools FILE")
    for adaptation in reply.adaptations:
        console.note(f"{adaptation.what}: {adaptation.why}")
    if arguments.json:
        console.json(_document(reply))
        for record in reply.calls:
            show_cause(console, record.result)
    elif reply.pending is not None:
        show_pending(console, reply.pending)
        console.note("stopped by pending_approval: nobody was asked; --approve-all runs them")
    elif reply.finish != "stop":
        detail = f": {reply.detail}" if reply.detail else ""
        console.note(f"stopped by {reply.finish}{detail}")
    return 0 if reply.finish == "stop" else 1


def converse(
    question: str,
    tools: Sequence[Tool],
    console: Console | None,
    *,
    model: str | None = None,
    instructions: str | None = None,
    deps: Any = None,
    approve: Callable[[FunctionCall], bool | str] | None = None,
) -> Reply[Any]:
    """Run the loop and show its events on the console, if there is one."""
    reply: Reply[Any] | None = None
    screen = _Screen(console) if console is not None else None
    with ExitStack() as stack:
        given: dict[str, Any] = {"tools": tools}
        if deps is not None:
            given = {"session": stack.enter_context(altar.Session(tools=tools, deps=deps))}
        if approve is not None:
            given["options"] = altar.Options(approve=approve)
        for event in altar.stream(question, model=model, instructions=instructions, **given):
            if event.kind == "end":
                reply = event.reply
            elif screen is not None:
                screen.show(event)
    if screen is not None:
        screen.close()
    if reply is None:
        raise CliError("the run ended without a reply", status=3)
    return reply


class _Screen:
    """Shows events: text as it streams, each call with what came of it.

    Calls that run at once are shown in the order in which the model made
    them: a result waits for those of the calls before it.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress = Progress(self._dimmed, console.width)
        self._answers: dict[str, ToolResultEvent | None] = {}  # by call id, in the calls' order
        self.is_open = False  # a line of text that has not ended
        self.called = False  # calls stand above, and text sets itself apart

    def show(self, event: Event) -> None:
        console = self.console
        if event.kind == "text":
            if self.called and not self.is_open:
                console.print()
            self.is_open, self.called = True, False
            console.write(event.text)
        elif event.kind == "thinking":
            console.status("thinking …")
        elif event.kind == "round":
            self.end()
            console.status("asking the model …")
        elif event.kind == "tool_call":
            self.end()
            self._answers[event.call.call_id] = None
            console.status(f"running {event.call.name} …")
        elif event.kind == "tool_progress":
            self.end()
            self._progress.show(event.call, event.value)
        elif event.kind == "tool_result":
            self.end()
            self.called = True
            self._answers[event.call.call_id] = event
            self._show_answers()
        elif event.kind == "retry":
            self.end()
            console.note(f"{event.error.message.removesuffix('.')}; again in {event.delay:.1f} s")

    def _show_answers(self) -> None:
        for call_id, event in list(self._answers.items()):
            if event is None:
                return
            del self._answers[call_id]
            show_call(self.console, event.call, result=event.result, seconds=event.seconds)

    def _dimmed(self, line: str) -> None:
        self.console.print(self.console.style(line, "dim"))

    def close(self) -> None:
        """Show what waited for calls that got no result, and end the line that is open."""
        self._answers = {key: event for key, event in self._answers.items() if event is not None}
        self._show_answers()
        self.end()

    def end(self) -> None:
        """End the line that is open."""
        self.console.clear_status()
        if self.is_open:
            self.console.print()
            self.is_open = False


def _document(reply: Reply[Any]) -> dict[str, Any]:
    calls = []
    for record in reply.calls:
        row: dict[str, Any] = {**record.call.to_dict(), **record.result.to_dict()}
        calls.append({**row, "seconds": round(record.seconds, 6)})
    usage = reply.usage
    waiting = () if reply.pending is None else reply.pending.calls
    return {
        "text": reply.text,
        "finish": reply.finish,
        "detail": reply.detail,
        "calls": calls,
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost": None if usage.cost is None else str(usage.cost),
            "requests": usage.requests,
        },
        "adaptations": [{"what": one.what, "why": one.why} for one in reply.adaptations],
        "trace_id": reply.trace_id,
        "pending": [call.to_dict() for call in waiting],
    }
