"""RunState: all a run has come to."""

from __future__ import annotations

from dataclasses import replace
from operator import is_not
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionCall, ToolConfig
from altar.errors import ErrorType, InvalidDataError
from altar.llm._answering import Answering
from altar.llm._calls import (
    answer,
    refusal,
    repeated,
    result_text,
)
from altar.llm._clean import sound_part
from altar.llm._history import check_history
from altar.llm._issue import Issuer
from altar.llm._messages import Message
from altar.llm._parts import Part, ToolCall
from altar.llm._provider import Attempt
from altar.llm._record import CallRecord
from altar.llm._repeats import Repeats
from altar.llm._reply import Reply
from altar.llm._request import Adaptation, Request
from altar.llm._shelf import shelf_for
from altar.llm._structured import MAX_ASKED_AGAIN, ask_again, read_output, written
from altar.llm._tally import Tally
from altar.llm._task import LOST
from altar.runtime import CallContext

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from altar.adm import ErrorObject, ToolResult
    from altar.llm._final import FinalTool
    from altar.llm._read import Read
    from altar.llm._reply import Finish
    from altar.llm._request import OutputSpec, Response
    from altar.llm._sampling import Sampling
    from altar.llm._shelf import Shelf
    from altar.llm._task import Task
    from altar.llm._turn import Turn

__all__ = ["RunState"]


class RunState:
    """What a run has come to: rounds, usage, records, and the turns in progress."""

    __slots__ = (
        "_context",
        "_first",
        "adaptations",
        "answering",
        "asked_again",
        "begun",
        "deadline",
        "detail",
        "instructions",
        "issuer",
        "mends",
        "offered",
        "output",
        "records",
        "repeated",
        "repeats",
        "round",
        "said",
        "sampling",
        "shelf",
        "started",
        "tally",
        "task",
        "text",
        "trace_id",
        "turns",
        "unusable",
        "waiting",
    )

    def __init__(self, task: Task) -> None:
        self.task = task
        self._first: Attempt | None = None
        self._context: CallContext | None = None
        self.round = 0
        self.tally = Tally(task.provider, task.options.prices)
        self.mends = 0  # how often the last resort was asked
        self.unusable: set[str] = set()  # kinds of replies that were asked for again
        self.records: list[CallRecord] = []
        self.adaptations: list[Adaptation] = []
        self.output: Any = None
        self.asked_again = 0
        self.instructions = task.instructions
        self.offered = task.declarations
        self.answering: Answering | None = None
        if task.output is not None:
            self._answer_typed(task.output)
        self.shelf = self._shelve()
        self.issuer = Issuer(task.options, self.offered, shelf=self.shelf, final=self.final)
        self.repeats = Repeats()
        self.repeated: tuple[str, int] | None = None  # the name, and how often in a row
        self.turns: list[Turn] = []
        self.waiting: list[Turn] = []  # those of the turns that are for a person to decide
        self.text = ""
        self.begun = ""  # of an answer that goes on in the next message
        self.sampling: Sampling | None = None  # as the model takes it, once a request was fitted
        self.said = False  # somebody was shown text of the last reply
        self.detail: str | None = None
        trace = task.trace
        self.trace_id = FunctionCall(name="").call_id if trace is None else trace.id
        seconds = task.options.limits.seconds
        self.started = task.options.retry.clock.now()
        self.deadline = None if seconds is None else self.started + seconds
        if task.mended:
            why = f"{task.mended} calls of the history had no result and were given an error"
            self.adaptations.append(Adaptation("history", why))
        if task.dropped:
            why = f"{task.dropped} results of the history had no call and were left out"
            self.adaptations.append(Adaptation("history", why))

    def _shelve(self) -> Shelf | None:
        """Put the tools out of the model's sight, where it is to search them."""
        task = self.task
        own = self.offered[len(task.declarations) :]
        search = task.options.tool_search
        shelf, note = shelf_for(
            task.provider, task.declarations, search, more=len(own), shelves=task.shelves
        )
        if shelf is not None:
            self.offered = (*shelf.offered, *own)
        if note is not None:
            self.adaptations.append(note)
        return shelf

    def _answer_typed(self, spec: OutputSpec) -> None:
        task = self.task
        self.answering = way = Answering(spec, task.provider, task.declarations)
        self.instructions = way.instructions(task.instructions)
        if way.final is not None:
            self.offered = (*self.offered, way.final.declaration)
        if way.note is not None:
            self.adaptations.append(way.note)

    @property
    def final(self) -> FinalTool | None:
        """The tool by which the model answers, where it has no other way."""
        return None if self.answering is None else self.answering.final

    @property
    def asked(self) -> int:
        """How many requests were made, to whatever model."""
        return self.round + self.mends

    # -- what goes out -------------------------------------------------------------------

    def request(self) -> Request:
        """The request of this round; a history that was handed in is checked with the first."""
        task = self.task
        options = task.options
        way = self.answering
        if self.sampling is None:  # what the run adds itself answers each call it holds
            check_history(task.messages)
        return Request(
            model=task.provider.model,
            messages=tuple(task.messages),
            instructions=self.instructions,
            tools=self.offered,
            tool_choice=self._tool_choice(),
            output=None if way is None or way.mode != "native" else way.spec,
            sampling=self.sampling or options.sampling,
            settings=options.settings,
            answer=None if way is None or way.mode == "native" else way.spec,
            answer_tool=None if self.final is None else self.final.name,
        )

    def _tool_choice(self) -> ToolConfig | None:
        """The application's choice; a call is demanded once, or the run would never end."""
        choice = self.task.options.tool_choice
        final = self.final
        if self.shelf is not None:
            choice = self.shelf.choice(choice)
        if final is not None:
            return final.choice(choice, self._is_first, self._others(final))
        if choice is None or choice.mode != "ANY" or self._is_first:
            return choice
        return ToolConfig(allowed_function_names=choice.allowed_function_names)

    def _others(self, final: FinalTool) -> tuple[str, ...]:
        """The names the model was told beside that of its answer."""
        return tuple([one.name for one in self.offered if one is not final.declaration])

    @property
    def demands_call(self) -> bool:
        """Whether this reply must call a tool of the application before any answer."""
        choice = self.task.options.tool_choice
        demanded = choice is not None and choice.mode == "ANY"
        return demanded and self._is_first and bool(self.task.declarations)

    @property
    def _is_first(self) -> bool:
        """Whether no reply was taken yet."""
        return self.round - len(self.unusable) <= 1

    def attempt(self, number: int) -> Attempt:
        """The circumstances of attempt ``number``; a first attempt is like any other first."""
        first = self._first
        if number == 1 and first is not None:
            return first
        made = Attempt(number=number, deadline=self.deadline, cancelled=self.task.cancelled)
        if number == 1:
            self._first = made
        return made

    def context(self) -> CallContext:
        """What the calls of this run share."""
        if self._context is None:
            self._context = CallContext(
                correlation_id=self.trace_id,
                deadline=self.deadline,
                cancelled=self.task.cancelled,
                detached=self.task.options.cancel is not None,
            )
        return self._context

    # -- what comes in -------------------------------------------------------------------

    def take(self, response: Response) -> list[Turn]:
        """Take a reply into the history, its calls under the loop's own ids."""
        self.detail = response.detail or (
            None if response.finish == "stop" else response.raw_finish
        )
        if response.adaptations:
            self.note(response.adaptations)
        message = response.message
        turns: list[Turn] = []
        parts: list[Part] = [
            self._issue(part, turns) if isinstance(part, ToolCall) else sound_part(part)
            for part in message.parts
        ]
        if any(map(is_not, parts, message.parts)):
            message = Message(
                "assistant", tuple(parts), origin=message.origin, opaque=message.opaque
            )
        if parts:  # no provider takes back a message of nothing
            self.task.messages.append(message)
        self.turns = turns  # after it: an interrupt must leave no results without their calls
        self.text = self.begun + message.text
        self.begun = self.text if response.finish == "paused" and not turns else ""
        if self.answering is not None:
            self.answering.partials.begun = self.begun
        return turns

    def _issue(self, part: ToolCall, turns: list[Turn]) -> ToolCall:
        turn = self.issuer.issue(part, self.adaptations)
        turns.append(turn)
        return turn.part

    def schema_of(self, name: str) -> Any:
        """The JSON Schema of a tool's parameters; None for a tool nobody declared."""
        return self.issuer.schema_of(name)

    def mend_turn(self, turn: Turn, args: Any, by: str) -> None:
        """Take mended arguments for those of ``turn``, here and in the history."""
        turns: list[Turn] = []
        issued = self._issue(replace(turn.part, args=args, id=""), turns)
        message = self.task.messages[-1]
        parts = tuple([issued if one is turn.part else one for one in message.parts])
        self.task.messages[-1] = replace(message, parts=parts)
        self.turns = [turns[0] if one is turn else one for one in self.turns]
        why = f"those of the call of {turn.call.name!r} were mended by {by}"
        self.adaptations.append(Adaptation("arguments", why))

    def settle(self, turn: Turn, result: ToolResult, seconds: float) -> CallRecord | None:
        """Note what came of a call, as the model will read it; None while it awaits a person."""
        if result.error is not None and self._is_open(turn, result.error):
            return None
        text = result_text(result)
        limit = self.task.options.limits.repeats
        if limit is not None:
            count = self.repeats.note(turn.meant, text, self.round)
            if count >= limit:
                result = repeated(turn.call, count)
                text = result_text(result)
                if count > limit and self.repeated is None:
                    self.repeated = (turn.call.name, count)
        record = CallRecord(call=turn.call, result=result, seconds=seconds)
        turn.text = text
        turn.record = record
        return record

    def settle_refused(self, turn: Turn, result: ToolResult) -> CallRecord | None:
        """Note the result of a call that never came to a tool."""
        if self.task.trace is not None:
            self.task.trace.refused(turn.call, result)
        return self.settle(turn, result, 0.0)

    def _is_open(self, turn: Turn, error: ErrorObject) -> bool:
        """Whether a person may still allow a call; then it waits, to be made as it stands."""
        if error.type != ErrorType.APPROVAL_REQUIRED or turn.approved:
            return False
        try:
            turn.call = self.issuer.open_call(turn.part)
        except InvalidDataError:  # what is no JSON can be neither shown nor stored as it is
            return False
        self.waiting.append(turn)
        return True

    def take_waiting(self) -> list[Turn]:
        """The turns that are for a person to decide, in the order of their calls."""
        waiting, self.waiting = self.waiting, []
        return [turn for turn in self.turns if turn in waiting]

    def refuse(self, turn: Turn, reason: str) -> CallRecord:
        """Answer a call that is not run."""
        result = refusal(turn.call, reason) if turn.refused is None else turn.refused
        if self.task.trace is not None:
            self.task.trace.refused(turn.call, result)
        turn.text = result_text(result)
        turn.record = CallRecord(call=turn.call, result=result, seconds=0.0)
        return turn.record

    def read_output(self, spec: OutputSpec) -> tuple[str | None, Read]:
        """Read ``text``, the typed answer: what is wrong with it, or None, and how it was read."""
        self.output, fault, read = read_output(spec, self.text, self.task.options.repair.max_risk)
        if fault is None and read.fixes:
            self.text = written(read.value)
            self.adaptations.append(Adaptation("output", f"the answer was repaired: {read.note}"))
        return fault, read

    def read_final(self, turn: Turn, final: FinalTool) -> tuple[str | None, Read | None]:
        """Read the call that gives the typed answer, as :meth:`read_output` reads a text."""
        if turn.refused is not None:
            error = turn.refused.error
            return error.message if error is not None else "it cannot be read", None
        spec = self.task.output
        assert spec is not None  # or there would be no such tool
        try:
            self.text = final.text(turn.call.args)
        except (TypeError, ValueError, RecursionError) as error:
            return f"- its arguments are no JSON: {error}", None
        return self.read_output(spec)

    def note(self, adaptations: Sequence[Adaptation]) -> None:
        """Note what was changed, once in a run."""
        self.adaptations += [one for one in adaptations if one not in self.adaptations]

    def load_mended(self, spec: OutputSpec, read: Read, by: str) -> bool:
        """Take a mended answer for the model's own; False when it does not fit."""
        try:
            self.output = spec.load(read.value)
        except InvalidDataError:
            return False
        self.text = written(read.value)
        self.adaptations.append(Adaptation("output", f"the answer was mended by {by}"))
        return True

    def ask_again(self, fault: str) -> Finish | None:
        """Ask for the typed answer again with its problems, a bounded number of times."""
        stop = self.may_ask_again(fault)
        if stop is None and self.answering is not None:
            self.task.messages.append(ask_again(fault, self.answering.again()))
        return stop

    def may_ask_again(self, fault: str) -> Finish | None:
        """None where the typed answer may be asked for once more, else how the run ends."""
        if self.asked_again >= MAX_ASKED_AGAIN:
            self.detail = f"the answer does not fit the type asked for:\n{fault}"
            return "malformed"
        self.asked_again += 1
        return None

    def settle_own(self, turn: Turn, result: ToolResult) -> None:
        """Answer a call that is the loop's own business."""
        turn.hidden = True
        turn.text = result_text(result)
        turn.record = CallRecord(call=turn.call, result=result, seconds=0.0)

    def close_turns(self, reason: str = LOST) -> None:
        """Append the results of the turns in progress; those without one get an error."""
        for turn in self.turns:
            if turn.record is None:
                self.refuse(turn, reason)
        self.close_answered()

    def close_answered(self) -> None:
        """Take the turns in progress out; the results of those that have one are appended.

        An interrupt may come between any two lines, and this be called again:
        so the message is whole before it is appended, it is appended once, and
        the turns are let go of after that.
        """
        if not self.turns:
            return
        messages = self.task.messages
        if messages[-1].role != "tool":
            parts: list[Part] = []
            records: list[CallRecord] = []
            for part, turn in zip(messages[-1].calls, self.turns, strict=True):
                record = turn.record
                if record is not None:
                    parts.append(turn.kept or answer(part, record.result, turn.text))
                    if not turn.hidden:
                        records.append(record)
            self.records += records
            if parts:
                messages.append(Message("tool", tuple(parts)))
        self.turns = []

    # -- what it amounts to --------------------------------------------------------------

    def spent(self) -> tuple[int, Decimal | None]:
        """Tokens and cost so far; what no provider counted is estimated, and said so."""
        tokens, cost = self.tally.spent()
        if tokens is None:
            tokens = self.tally.estimate(self.task.messages)
            why = "the provider does not count tokens; the limit took four characters for one"
            estimate = Adaptation("limits.tokens", why)
            if estimate not in self.adaptations:
                self.adaptations.append(estimate)
        return tokens, cost

    def reply(self, finish: Finish) -> Reply[Any]:
        """The run's reply."""
        return Reply(
            text=self.text,
            output=self.output,
            calls=tuple(self.records),
            usage=self.tally.total(),
            messages=tuple(self.task.messages),
            finish=finish,
            adaptations=tuple(self.adaptations),
            trace_id=self.trace_id,
            detail=self.detail,
            pending=self.task.pending,
        )
