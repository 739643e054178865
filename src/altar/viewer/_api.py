"""Queries: what the page asks of a trace file, each answer a JSON object of bounded size."""

from __future__ import annotations

import json
import math
import zlib
from typing import TYPE_CHECKING, Any

from altar.viewer._details import asked
from altar.viewer._store import NONE, Store, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from altar.viewer._follow import Follower

__all__ = ["columns", "details", "overview", "search", "state", "tables", "trace_list"]

_MOST_TRACES = 500  # rows in one answer
_MOST_SPANS = 50_000
_MOST_DOCUMENTS = 400
_MOST_FOUND = 20_000
_MOST_WORDS = 300
_LONGEST_QUERY = 400
_SLOWEST = 0.9  # "slow" without a limit: the slowest tenth


def state(follower: Follower) -> dict[str, Any]:
    """Whether anything is new, what was lost, and what can be filtered by."""
    store = follower.store
    models: set[int] = set()
    tools: set[int] = set()
    kinds: set[int] = set()
    for trace in store.traces:
        models |= trace.models
        tools |= trace.tools
        kinds |= trace.kinds
    return {
        "file": follower.path.name,
        "version": f"{follower.generation}.{follower.version}",
        "generation": follower.generation,
        "problem": follower.problem,
        "reading": follower.reading,
        "spans": len(store),
        "traces": len(store.traces),
        "losses": follower.losses.to_dict(),
        "models": _words(store, models),
        "tools": _words(store, tools),
        "kinds": _words(store, kinds),
    }


def _words(store: Store, numbers: Iterable[int]) -> list[str]:
    return sorted(filter(None, map(store.text, numbers)))[:_MOST_WORDS]


def trace_list(follower: Follower, query: Mapping[str, str]) -> dict[str, Any]:
    """The traces that pass the filters, in order, from ``offset``."""
    found = _filtered(follower, query)
    key, backwards = _ORDERS.get(query.get("sort", ""), _ORDERS["errors"])
    if query.get("order") in {"ascending", "descending"}:
        backwards = query["order"] == "descending"
    found.sort(key=lambda trace: key(follower, trace), reverse=backwards)
    offset = _number(query, "offset", 0)
    shown = found[offset : offset + min(_number(query, "limit", 100), _MOST_TRACES)]
    return {
        "total": len(found),
        "offset": offset,
        "longest": max((trace.last - trace.first for trace in found), default=0),
        "rows": [overview(follower, trace) for trace in shown],
    }


def overview(follower: Follower, trace: Trace) -> dict[str, Any]:
    """One trace as a row of the list: times in nanoseconds, cost in US dollars or null."""
    store = follower.store
    tokens_in, tokens_out, cost = trace.usage
    return {
        "id": trace.id,
        "name": _root_name(store, trace)[:200],
        "title": _title(follower, trace),
        "start": str(trace.first),
        "duration": trace.last - trace.first,
        "spans": len(trace.spans),
        "errors": trace.errors,
        "failed": trace.failed,
        "running": trace.running,
        "input": tokens_in,
        "output": tokens_out,
        "cost": None if math.isnan(cost) else cost,
        "models": _words(store, trace.models)[:8],
        "tools": _words(store, trace.tools)[:20],
    }


def _rank(trace: Trace) -> int:
    return 2 if trace.failed else 1 if trace.errors else 0


_ORDERS: dict[str, tuple[Callable[[Follower, Trace], Any], bool]] = {
    "errors": (lambda _, trace: (_rank(trace), trace.first), True),
    "time": (lambda _, trace: trace.first, True),
    "duration": (lambda _, trace: trace.last - trace.first, True),
    "cost": (lambda _, trace: -1.0 if math.isnan(trace.usage[2]) else trace.usage[2], True),
    "tokens": (lambda _, trace: trace.usage[0] + trace.usage[1], True),
    "spans": (lambda _, trace: len(trace.spans), True),
    "name": (lambda follower, trace: _title(follower, trace).casefold(), False),
}


def _root_name(store: Store, trace: Trace) -> str:
    if trace.root < 0:
        return "(running)" if trace.running else store.text(store.name[trace.spans[0]])
    return store.text(store.name[trace.root])


def _title(follower: Follower, trace: Trace) -> str:
    """What the user asked in this trace's first run; else the root's name."""
    if trace.title is None:
        store = follower.store
        asking = {store.find("generate"), store.find("model")}
        runs = [at for at in trace.spans if store.kind[at] in asking]
        runs.sort(key=lambda at: (store.start[at], -store.end[at]))
        told = (follower.document(at).get("attributes") for at in runs[:5])
        found = (asked(one) for one in told if isinstance(one, dict))
        trace.title = next(filter(None, found), "")
    return trace.title or _root_name(follower.store, trace)


def _filtered(follower: Follower, query: Mapping[str, str]) -> list[Trace]:
    store, found = follower.store, list(follower.store.traces)
    if query.get("error"):
        found = [trace for trace in found if trace.errors]
    if query.get("running"):
        found = [trace for trace in found if trace.running]
    slow = query.get("slow", "")
    if slow == "tenth" and found:
        lasting = sorted(trace.last - trace.first for trace in found)
        limit = lasting[int(_SLOWEST * (len(lasting) - 1))]
        found = [trace for trace in found if trace.last - trace.first >= limit]
    elif slow:
        limit = _number(query, "slow", 0) * 1_000_000
        found = [trace for trace in found if trace.last - trace.first >= limit]
    for name, column in (("model", "models"), ("tool", "tools"), ("kind", "kinds")):
        if query.get(name):
            number = store.find(query[name])
            found = [trace for trace in found if number in getattr(trace, column)]
    text = query.get("q", "")[:_LONGEST_QUERY].strip()
    if text:
        matches = _matcher(follower, text)
        found = [
            trace
            for trace in found
            if trace.id.startswith(text.lower()) or any(matches(at) for at in reversed(trace.spans))
        ]
    return found


def _matcher(follower: Follower, text: str) -> Callable[[int], bool]:
    """Whether names, arguments, results, messages or errors of a span hold every word."""
    words = text.casefold().split()

    def matches(at: int) -> bool:
        whole = "\n".join(_texts(follower.document(at))).casefold()
        return all(word in whole for word in words)

    return matches


def _texts(doc: Mapping[str, Any]) -> list[str]:
    """Every text of a span that a person would search for."""
    found = [str(doc.get("name", "")), str(doc.get("kind", ""))]
    todo: list[Any] = [doc.get("error"), doc.get("attributes"), doc.get("events")]
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            if value[:1] in {"{", "["}:  # JSON within JSON
                try:
                    todo.append(json.loads(value))
                    continue
                except (ValueError, RecursionError):
                    pass
            found.append(value)
        elif isinstance(value, dict):
            found += map(str, value)
            todo += value.values()
        elif isinstance(value, list):
            todo += value
        elif value is not None:
            found.append(str(value))
    return found


def columns(follower: Follower, trace: Trace, query: Mapping[str, str]) -> dict[str, Any]:
    """The spans of one trace from number ``from`` on, in columns; times count from its start."""
    store = follower.store
    begin = _number(query, "from", 0)
    end = min(begin + _MOST_SPANS, len(trace.spans))
    spans = trace.spans[begin:end]
    words: dict[int, int] = {}

    def word(number: int) -> int:
        return -1 if number == NONE else words.setdefault(number, len(words))

    cost = [store.cost[at] for at in spans]
    found: dict[str, Any] = {
        "trace": overview(follower, trace),
        "base": str(trace.first),
        "from": begin,
        "total": len(trace.spans),
        "key": [store.key[at] for at in spans],
        "parent": [-1 if store.parent[at] == NONE else store.parent[at] for at in spans],
        "remote": [n for n, at in enumerate(spans, begin) if store.remote[at]],
        "start": [store.start[at] - trace.first for at in spans],
        "duration": [store.end[at] - store.start[at] for at in spans],
        "name": [word(store.name[at]) for at in spans],
        "kind": [word(store.kind[at]) for at in spans],
        "error": [word(store.error[at]) for at in spans],
        "subject": [word(store.subject[at]) for at in spans],
        "input": [store.input[at] for at in spans],
        "output": [store.output[at] for at in spans],
        "cost": [None if math.isnan(one) else one for one in cost],
    }
    found["words"] = [store.text(number) for number in words]
    if query.get("digest"):
        found["digest"] = [_digest(follower.document(at)) for at in spans]
    return found


def _digest(doc: Mapping[str, Any]) -> int:
    """A number that differs where what a span was given, said or returned differs."""
    attributes = doc.get("attributes")
    content = attributes if isinstance(attributes, dict) else {}
    told = [content.get(name) for name in _CONTENT]
    told += [_without_ids(content.get("gen_ai.output.messages")), doc.get("error")]
    return zlib.crc32(json.dumps(told, sort_keys=True).encode())


def _without_ids(messages: Any) -> Any:
    """Messages as they were said: the ids of calls differ in every run."""
    if isinstance(messages, list):
        return [_without_ids(one) for one in messages]
    if isinstance(messages, dict) and "parts" in messages:
        return [messages.get("role"), _without_ids(messages["parts"])]
    if isinstance(messages, dict):
        return {name: value for name, value in messages.items() if name != "id"}
    return messages


_CONTENT = (
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "altar.finish",
)


def details(follower: Follower, trace: Trace, query: Mapping[str, str]) -> dict[str, Any]:
    """The whole spans whose numbers within the trace are in ``n``, or null where one is gone."""
    found: dict[str, Any] = {}
    for one in query.get("n", "").split(",")[:_MOST_DOCUMENTS]:
        if one.isascii() and one.isdigit() and len(one) < 10 and int(one) < len(trace.spans):
            found[one] = follower.document(trace.spans[int(one)])
    return {"spans": found}


def search(follower: Follower, trace: Trace, query: Mapping[str, str]) -> dict[str, Any]:
    """The numbers of the spans of one trace that hold a text."""
    text = query.get("q", "")[:_LONGEST_QUERY].strip()
    if not text:
        return {"found": [], "more": False}
    matches = _matcher(follower, text)
    found = [n for n, at in enumerate(trace.spans) if matches(at)]
    return {"found": found[:_MOST_FOUND], "more": len(found) > _MOST_FOUND}


def tables(follower: Follower, trace: Trace | None = None) -> dict[str, Any]:
    """A row for each tool and each model, of one trace or of all."""
    store = follower.store
    groups: dict[tuple[str, int], list[int]] = {}
    kinds = {store.find("tool"): "tools", store.find("model"): "models"}
    for at in trace.spans if trace else range(len(store)):
        group = kinds.get(store.kind[at])
        if group is not None:
            groups.setdefault((group, store.subject[at]), []).append(at)
    found: dict[str, Any] = {"tools": [], "models": []}
    for (group, subject), spans in groups.items():
        found[group].append(_row(store, store.text(subject), spans))
    for rows in found.values():
        rows.sort(key=lambda row: -row["time"])
        del rows[1000:]
    return found


def _row(store: Store, name: str, spans: list[int]) -> dict[str, Any]:
    lasting = sorted(store.end[at] - store.start[at] for at in spans)
    errors = sum(store.error[at] != NONE for at in spans)
    costs = [store.cost[at] for at in spans if not math.isnan(store.cost[at])]
    return {
        "name": name[:200],
        "count": len(spans),
        "errors": errors,
        "p50": _percentile(lasting, 50),
        "p90": _percentile(lasting, 90),
        "p99": _percentile(lasting, 99),
        "time": sum(lasting),
        "input": sum(max(store.input[at], 0) for at in spans),
        "output": sum(max(store.output[at], 0) for at in spans),
        "cost": math.fsum(costs) if costs else None,
    }


def _percentile(ordered: list[int], percent: int) -> int:
    """The nearest rank: a duration that was measured, never one between two."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else default
