"""SpanRecord: a span as a trace file tells it, light enough to keep 100,000 of them."""

from __future__ import annotations

from decimal import Decimal
from sys import intern
from typing import TYPE_CHECKING, Any, Protocol

from altar.trace import _conventions as names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Source", "SpanRecord"]

_MOST_DIGITS = 30  # before or behind the point of an amount


class Source(Protocol):
    """Where the whole of a span can be read again."""

    def document(self, place: int) -> Mapping[str, Any]:
        """The JSON object at that place; empty where it can no longer be read."""
        ...


class SpanRecord:
    """One span of a trace file.

    ``trace``, ``span`` and ``parent`` are hexadecimal ids; ``parent`` is empty
    for a root, ``remote`` says that it is in another process. ``start`` and
    ``end`` are nanoseconds since the epoch. ``error`` is None or (type,
    message). ``input_tokens``, ``output_tokens`` and ``cost`` (USD) are the
    span's own figures, None where it has none. ``model``, ``tool``,
    ``provider``, ``finish`` and ``session`` are empty where they were not said.
    ``placeholder`` marks a span that is not in the file, only its children are:
    it has not ended yet, or its end was lost.

    ``attributes`` and ``events`` are read from the file when they are asked
    for, and are empty when it is no longer there.
    """

    __slots__ = (
        *("cost", "end", "error", "finish", "input_tokens", "kind", "model", "name"),
        *("output_tokens", "parent", "place", "placeholder", "process", "provider", "remote"),
        *("session", "source", "span", "start", "thread", "tool", "trace"),
    )

    def __init__(self, trace: str, span: str, *, parent: str = "", name: str = "") -> None:
        self.trace = intern(trace)
        self.span = span
        self.parent = parent
        self.name = intern(name)
        self.kind = "custom"
        self.remote = self.placeholder = False
        self.start = self.end = 0
        self.error: tuple[str, str] | None = None
        self.thread = ""
        self.process = 0
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.cost: Decimal | None = None
        self.model = self.tool = self.provider = self.finish = self.session = ""
        self.source: Source | None = None
        self.place = 0

    def __repr__(self) -> str:
        return f"SpanRecord({self.name!r}, {self.seconds:.6f} s, span={self.span!r})"

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end - self.start) / 1e9

    @property
    def document(self) -> Mapping[str, Any]:
        """The JSON object that the file holds."""
        return self.source.document(self.place) if self.source is not None else {}

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Its attributes, under OpenTelemetry's names where it has one."""
        found = self.document.get("attributes")
        return found if isinstance(found, dict) else {}

    @property
    def events(self) -> list[tuple[str, int, Mapping[str, Any]]]:
        """What happened during it: (name, nanoseconds, attributes)."""
        return _events(self.document.get("events"))

    def summarize(self, attributes: Mapping[str, Any]) -> None:
        """Keep of the attributes what lists, sums and tables need."""
        if not attributes:
            return
        get = attributes.get
        model = get(names.RESPONSE_MODEL) or get(names.REQUEST_MODEL)
        if model:
            self.model = _word(model)
            self.provider = _word(get(names.PROVIDER))
        self.input_tokens = _count(get(names.INPUT_TOKENS))
        self.output_tokens = _count(get(names.OUTPUT_TOKENS))
        cost = get(names.COST)
        if cost is not None:
            self.cost = _money(cost)
        finish = get(names.FINISH)
        if finish:
            self.finish = _word(finish)
        tool = get(names.TOOL_NAME)
        if tool:
            self.tool = _word(tool)
        session = get(names.SESSION_ID)
        if session:
            self.session = _word(session)


def _word(value: Any) -> str:
    return intern(value) if value.__class__ is str else ""


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _money(value: Any) -> Decimal | None:
    """An amount in USD, written as a text or, elsewhere, as a number."""
    if isinstance(value, bool):
        return None
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        return None
    return found if found.is_finite() and abs(found.adjusted()) <= _MOST_DIGITS else None


def _events(found: Any) -> list[tuple[str, int, Mapping[str, Any]]]:
    events: list[tuple[str, int, Mapping[str, Any]]] = []
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and type(one.get("time")) is int:
            attributes = one.get("attributes")
            told = attributes if isinstance(attributes, dict) else {}
            events.append((str(one.get("name", "")), one["time"], told))
    return events
