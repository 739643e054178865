"""What a tracer was told, and what must hold of it whatever happened."""

from __future__ import annotations

from typing import Any

from altar.trace import MemorySink, Tracer, current_span


class Told:
    """The spans of a tracer that was closed, and what must hold for them whatever happened."""

    def __init__(self, sink: MemorySink) -> None:
        self.spans = sink.spans
        self.by_id = {one.span_id: one for one in self.spans}
        assert len(self.by_id) == len(self.spans), "a span was recorded twice"
        for one in self.spans:
            assert one.ended >= one.started > 0
            if one.parent_id:
                parent = self.by_id[one.parent_id]
                assert parent.trace_id == one.trace_id
                assert parent.started <= one.started
        assert current_span.get() is None

    def named(self, name: str) -> list[Any]:
        return [one for one in self.spans if one.name == name]

    def kind(self, kind: str) -> list[Any]:
        return [one for one in self.spans if one.kind == kind]

    def one(self, kind: str) -> Any:
        (found,) = self.kind(kind)
        return found

    def tree(self) -> list[Any]:
        """The shape of it all: names, kinds, errors and events; parallel calls in any order."""
        return [self._branch(one) for one in self._below(0)]

    def _below(self, parent: int) -> list[Any]:
        found = [one for one in self.spans if one.parent_id == parent]
        return sorted(found, key=lambda one: one.started)

    def _branch(self, one: Any) -> Any:
        below = [self._branch(child) for child in self._below(one.span_id)]
        tools = sorted([branch for branch in below if branch[1] == "tool"], key=repr)
        others = [branch for branch in below if branch[1] != "tool"]
        events = tuple([name for name, _, _ in one.events or ()])
        return one.name, one.kind, one.error and one.error[0], events, (*others, *tools)


class tracing:  # noqa: N801 - read as a function
    """``with tracing() as told``: ``told()`` afterwards is what was told."""

    def __enter__(self) -> Any:
        self._sink = MemorySink()
        self._tracer = Tracer(self._sink, interval=60).start()
        return lambda: Told(self._sink)

    def __exit__(self, *_: object) -> None:
        self._tracer.close()
