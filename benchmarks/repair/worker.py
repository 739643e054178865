"""One peer in a process of its own: jobs come in as JSON lines, figures go out as they are found.

    python worker.py PEER

A figure is ``{"at": ..., "seconds": ..., "mark": ...}``; a job ends with
``{"done": true}``. A mark is ``~`` where the value is another than it should
be, ``E`` where the peer refuses the text, ``REC`` where it runs out of stack,
the exception's name where it is none that says so.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from benchmarks.repair.documents import document
from benchmarks.repair.peers import load
from benchmarks.repair.shapes import HOSTILE, SHAPES

Figure = dict[str, Any]
BLOCK = 0.02
CHUNK = 32
MOST_ROUNDS = 12
SLOW = 0.3
_REFUSALS = ("RepairError", "ValueError", "JSONDecodeError", "MalformedJSON")
_clock = time.process_time


def main() -> None:
    """Answer jobs until the input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a peer prints is not an answer
    read, follow = load(sys.argv[1])
    jobs: dict[str, Callable[[dict[str, Any]], Iterator[Figure]]] = {
        "ratio": lambda job: ratio(read, **job),
        "growth": lambda job: growth(read, **job),
        "stream": lambda job: stream(follow, **job),
        "quality": lambda job: iter([scores(_judged(read), **job)]),
    }
    for line in sys.stdin:
        job = json.loads(line)
        for figure in jobs[job.pop("kind")](job):
            print(json.dumps(figure), file=out, flush=True)
        print('{"done": true}', file=out, flush=True)


def outcome(read: Callable[[Any], Any], text: Any) -> tuple[Any, str]:
    """The value read, and the mark of a failure."""
    try:
        return read(text), ""
    except RecursionError:
        return None, "REC"
    except Exception as error:
        return None, "E" if type(error).__name__ in _REFUSALS else type(error).__name__


def _judged(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What quality is asked of: altar answers with its fixes too."""
    if sys.argv[1] != "altar":
        return read
    from altar import repair

    return repair.parse


def scores(subject: Callable[[Any], Any], part: str) -> Figure:
    """Title -> how many cases there are, how many are right, raised, or lost words in silence."""
    from benchmarks.repair import quality

    return {
        score.title: {
            "total": score.total.total(),
            "right": score.total.total() - score.wrong.total(),
            "raised": score.raised,
            "lost": len(score.lost),
        }
        for score in getattr(quality, f"score_{part}")(subject)
    }


def _settle() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _time(read: Callable[[Any], Any], text: Any, count: int) -> float:
    start = _clock()
    for _ in repeat(None, count):
        try:  # noqa: SIM105 - contextlib.suppress would add a microsecond to every call
            read(text)
        except Exception:
            pass
    return (_clock() - start) / count


def _count(seconds: float) -> int:
    return max(1, min(100_000, int(BLOCK / max(seconds, 1e-7))))


def ratio(read: Callable[[Any], Any], *, damage: str, size: int, budget: float) -> Iterator[Figure]:
    """Seconds of a damaged document, and of json.loads of the sound one; blocks take turns."""
    about = document(damage, size)
    base = _time(json.loads, about.valid, 3)
    _settle()
    started = _clock()
    value, mark = outcome(read, about.text)
    own = _clock() - started
    if not mark and value != about.expected:
        mark = "~"
    del value
    yield {"at": size, "seconds": own, "base": base, "mark": mark}
    if own > SLOW:
        return  # a hundred times json.loads or more; another round would not change what it says
    if own < budget:
        own = _time(read, about.text, 1)  # the first call may have loaded what is loaded late
    counts = _count(own), _count(base)
    started = _clock()
    for number in range(MOST_ROUNDS):
        if number and _clock() - started > budget:
            break
        _settle()
        base = min(base, _time(json.loads, about.valid, counts[1]))
        own = min(own, _time(read, about.text, counts[0]))
    yield {"at": size, "seconds": own, "base": base, "mark": mark}


def growth(
    read: Callable[[Any], Any],
    *,
    shape: str,
    hostile: bool,
    sizes: list[int],
    budget: float,
    stop: float,
) -> Iterator[Figure]:
    """Seconds at every size; no larger one after a figure of ``stop`` seconds.

    After the first round, sizes take turns until the budget is spent, and the
    least counts; every size is then answered again.
    """
    make = HOSTILE[shape][1] if hostile else SHAPES[shape]
    texts: list[str] = []
    best: list[float] = []
    marks: list[str] = []
    for size in sizes:
        text = make(size)
        _settle()
        start = _clock()
        value, mark = outcome(read, text)
        seconds = _clock() - start
        del value
        texts.append(text)
        best.append(seconds)
        marks.append(mark)
        yield {"at": size, "length": len(text), "seconds": seconds, "mark": mark}
        if seconds > stop:
            break
    counts = [_count(seconds) for seconds in best]
    spent, number = 0.0, 0
    while spent + sum(best) < budget and number < MOST_ROUNDS:
        for index, text in enumerate(texts):
            _settle()
            seconds = _time(read, text, counts[index])
            spent += seconds * counts[index]
            best[index] = min(best[index], seconds)
        number += 1
    for index, text in enumerate(texts):
        answer = {"length": len(text), "seconds": best[index], "mark": marks[index]}
        yield {"at": sizes[index], **answer}


def stream(follow: Any, *, damage: str, sizes: list[int], budget: float) -> Iterator[Figure]:
    """Seconds to follow a document that comes in chunks of 32 characters."""
    for size in sizes:
        about = document(damage, size)
        text = about.text
        chunks = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
        best, spent, mark = float("inf"), 0.0, ""
        while spent < budget:
            _settle()
            start = _clock()
            value, mark = outcome(follow, chunks)
            seconds = _clock() - start
            best, spent = min(best, seconds), spent + max(seconds, budget / MOST_ROUNDS)
            if not mark and value != about.expected:
                mark = "~"
            del value
        yield {"at": size, "length": len(text), "seconds": best, "mark": mark}


if __name__ == "__main__":
    main()
