"""Tool calls put together from the pieces a stream brings, whatever names them or fails to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from altar.adm import loads
from altar.errors import InvalidDataError
from altar.llm import Delta, Opaque, PartStart, ToolCall
from altar.llm.openai_compatible._chat import compact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar.llm import StreamEvent
    from altar.llm.openai_compatible._dialect import ChatDialect

__all__ = ["Call", "Calls"]

_KNOWN = frozenset({"index", "id", "type", "function"})


class Call:
    """One call as far as it has come; ``part`` is its place among the parts."""

    __slots__ = ("args", "extra", "name", "number", "part", "pieces", "wire_id")

    def __init__(self, part: int, number: int | None) -> None:
        self.part = part
        self.number = number
        self.wire_id: str | None = None
        self.name = ""
        self.pieces: list[str] = []
        self.args: dict[str, Any] | None = None
        self.extra: dict[str, Any] = {}

    def is_whole(self) -> bool:
        """Whether its arguments are complete JSON."""
        if self.args is not None:
            return True
        if not self.pieces or not self.pieces[-1].rstrip().endswith("}"):
            return False
        return _read("".join(self.pieces)) is not None

    def finished(self, dialect: ChatDialect) -> ToolCall:
        """The call; arguments that are no JSON object stay the text they came as."""
        raw: str | None = "".join(self.pieces)
        args = self.args
        if args is not None:
            raw = None
        elif raw is None or not raw.strip():
            raw, args = None, {}
        else:
            args = _read(raw)
        if args is not None and dialect.read_args is not None:
            args = dialect.read_args(self.name, args)
        opaque: tuple[Opaque, ...] = ()
        if self.extra:
            made = Opaque(provider=dialect.provider, api="chat", kind="fields", data=self.extra)
            opaque = (made,)
        return ToolCall(self.name, args, raw_args=raw, wire_id=self.wire_id, opaque=opaque)


class Calls:
    """The calls of one answer.

    A piece belongs to the call with its id and number. Servers leave out ids,
    give every call the number 0, or a new id to each piece: so a piece with a
    name begins a call, unless the call it could belong to has that very name
    and no complete arguments; and a piece without a name never does.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def feed(self, entries: list[Any], part: int) -> Iterator[StreamEvent]:
        """The events of one delta's ``tool_calls``; ``part`` is the next free place."""
        touched: set[int] = set()
        for entry in entries:
            if not isinstance(entry, Mapping):
                continue
            function = entry.get("function")
            function = function if isinstance(function, Mapping) else {}
            name = function.get("name")
            name = name if isinstance(name, str) else ""
            given = function.get("arguments")
            call = self._of(entry, name, given, touched)
            if call is None:
                number = entry.get("index")
                call = Call(part, number if isinstance(number, int) else None)
                part += 1
                self.calls.append(call)
                yield PartStart(call.part, "tool_call", name=name)
            touched.add(call.part)
            call.name = call.name or name
            call.wire_id = call.wire_id or _id(entry)
            call.extra.update({key: entry[key] for key in entry if key not in _KNOWN})
            yield from _take(call, given)

    def _of(
        self, entry: Mapping[str, Any], name: str, given: Any, touched: set[int]
    ) -> Call | None:
        """The call that ``entry`` goes on with, or None when it begins one."""
        number, known = entry.get("index"), _id(entry)
        found: Call | None = None
        for call in reversed(self.calls):
            if isinstance(number, int) and call.number is not None and call.number != number:
                continue
            if known is not None and call.wire_id == known:
                found = call
                break
            found = found or call
        if found is None or not name or not found.name:
            return found
        if known is not None and found.wire_id is not None and known != found.wire_id:
            return None
        if name != found.name or found.part in touched or (given and found.is_whole()):
            return None
        return found


def _id(entry: Mapping[str, Any]) -> str | None:
    given = entry.get("id")
    return given if isinstance(given, str) and given else None


def _take(call: Call, given: Any) -> Iterator[StreamEvent]:
    if isinstance(given, dict):  # an object where the wire says text
        call.args = given
        yield Delta(call.part, compact(given), kind="args")
    elif isinstance(given, str) and given:
        call.pieces.append(given)
        yield Delta(call.part, given, kind="args")
    elif given is not None and given != "":
        call.pieces.append(compact(given))


def _read(raw: str) -> dict[str, Any] | None:
    try:
        value = loads(raw)
    except InvalidDataError:
        return None
    return value if isinstance(value, dict) else None
