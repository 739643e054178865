"""How often a repair is right: the corpus, our own cases, single edits, valid JSON, streams.

    python -m benchmarks.repair.quality                      every table, a few failures of each
    python -m benchmarks.repair.quality --show fence         every failure of one class or kind
    python -m benchmarks.repair.quality --failures 0         the tables alone
    python -m benchmarks.repair.quality --only cases,corpus  some of the parts
    python -m benchmarks.repair.quality --subject json_repair:loads

A subject is any callable from text to a value, or to an object with ``value``
and ``fixes``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.repair.cases import CASES
from tests.repair.judge import Case, inconsistent, lost_words, same
from tests.strategies.json_damage import DOCUMENTS, mutations

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("corpus", "cases", "mutations", "valid", "stream")
CHUNKS = (1, 7, 64)


class Failure(NamedTuple):
    """One case that came out wrong."""

    where: str
    case: Case
    got: Any


class Score:
    """Counts of one part by class, and what failed."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.total: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.lost: list[Failure] = []
        self.raised = 0
        self.failures: list[Failure] = []

    def add(self, group: str, case: Case, got: Any, right: bool, lost: Iterable[str] = ()) -> None:
        self.total[group] += 1
        self.raised += isinstance(got, Exception)
        if not right:
            self.wrong[group] += 1
            self.failures.append(Failure(f"{self.title} {group}", case, got))
        if lost:
            self.lost.append(Failure(f"lost {sorted(lost)}", case, got))

    @property
    def share(self) -> float:
        total = self.total.total()
        return (total - self.wrong.total()) / total if total else 1.0

    def report(self) -> str:
        total = self.total.total()
        right = total - self.wrong.total()
        loss = f"{len(self.lost)} ({len(self.lost) / max(total, 1):.2%})"
        lines = [
            f"== {self.title}: {right} of {total} = {self.share:.2%}",
            f"  exceptions {self.raised}, silent loss {loss}",
        ]
        for group in sorted(self.total):
            wrong = self.wrong[group]
            mark = f"   {wrong} wrong" if wrong else ""
            all_ = self.total[group]
            lines.append(f"  {group:24}{all_ - wrong:5} of {all_:4}{mark}")
        return "\n".join(lines)


def corpus_cases() -> list[tuple[Case, bool]]:
    """The shared cases, each with whether white space at the end of strings counts."""
    base = Path(os.environ.get("ALTAR_CORPUS") or ROOT.parent / "shared" / "corpus")
    path = base / "repair_cases.jsonl"
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        (
            Case(row["class"], row["input"], row["expected"], *row.get("accept", ())),
            bool(row.get("trailing_space_in_strings_ignored")),
        )
        for row in rows
    ]


def run(subject: Callable[[str], Any], text: str) -> tuple[Any, list[str]]:
    """What the subject makes of a text, and what it says it left out."""
    try:
        got = subject(text)
        if not hasattr(got, "fixes"):
            return got, []
        return got.value, [fix.before for fix in got.fixes]
    except RecursionError as error:
        return RecursionError(str(error)), []
    except Exception as error:
        return error, []


def score(
    title: str,
    rows: Iterable[tuple[Case, bool]],
    subject: Callable[[str], Any],
) -> Score:
    """Every case through the subject."""
    result = Score(title)
    for case, trim in rows:
        got, dropped = run(subject, case.input)
        raised = isinstance(got, Exception)
        right = not raised and any(
            same(got, good, trim=trim) for good in (case.expected, *case.others)
        )
        lost = set() if right or raised else lost_words(case, got, iter(dropped))
        result.add(case.class_, case, got, right, lost)
    return result


def score_corpus(subject: Callable[[str], Any]) -> list[Score]:
    """The shared corpus: what its suites agree on, and what they do not."""
    rows = corpus_cases()
    agreed = [row for row in rows if row[0].class_ != "disputed"]
    return [
        score("corpus, undisputed", agreed, subject),
        score("corpus, disputed", [row for row in rows if row[0].class_ == "disputed"], subject),
    ]


def score_cases(subject: Callable[[str], Any]) -> list[Score]:
    """The cases of this project's own suite."""
    return [score("own cases", [(case, False) for case in CASES], subject)]


def score_mutations(subject: Callable[[str], Any]) -> list[Score]:
    """Valid documents with one structural character deleted, doubled or swapped."""
    rows = [(Case(kind, text, value), False) for kind, text, value in mutations()]
    return [score("single edits", rows, subject)]


def valid_texts() -> list[str]:
    """Valid JSON: the corpus', our documents, and the expected values of every case."""
    texts = [case.input for case, _ in corpus_cases() if case.class_ == "valid"]
    for value in (*DOCUMENTS, *(case.expected for case in CASES)):
        texts += [json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)]
    return list(dict.fromkeys(texts))


def score_valid(subject: Callable[[str], Any]) -> list[Score]:
    """Valid JSON, sent down the path that damaged text takes."""
    damaged = getattr(importlib.import_module("altar.repair._damaged"), "parse_damaged", None)
    used = damaged or subject
    title = "valid, forced" if damaged else "valid (no parse_damaged to force it through)"
    rows = []
    for text in valid_texts():
        try:
            rows.append((Case("valid", text, json.loads(text)), False))
        except ValueError:
            continue
    return [score(title, rows, used)]


def score_stream(_: Callable[[str], Any]) -> list[Score]:
    """Every view of a stream must be a beginning of its final value, and that the whole's."""
    package = importlib.import_module("altar.repair")
    parser = getattr(package, "StreamParser", None)
    if parser is None:
        return []
    valid = [
        ("documents", json.dumps(value, indent=indent))
        for value in DOCUMENTS
        for indent in (None, 2)
    ]
    broken = [(kind, text) for kind, text, _ in mutations()][::7]
    broken += [(case.class_, case.input) for case in CASES]
    shared = [case for case, _ in corpus_cases() if case.class_ not in {"valid", "disputed"}]
    broken += [("corpus", case.input) for case in shared]
    scores: list[Score] = []
    for title, texts in (("valid", valid), ("broken", broken)):
        scores += _views(title, texts, parser, package.parse)
    return scores


def _views(
    title: str,
    texts: list[tuple[str, str]],
    parser: Callable[[], Any],
    parse: Callable[[str], Any],
) -> tuple[Score, Score]:
    """All views of all texts; of a text whose views are wrong, the first is kept as its failure."""
    views, finals = Score(f"stream views, {title}"), Score(f"stream ends as whole, {title}")
    for group, text in texts:
        whole, _ = run(parse, text)
        shown_yet = False
        for size in CHUNKS:
            seen, final = _feed(parser, text, size)
            case = Case(group, text, whole)
            agrees = (
                type(whole) is type(final)
                if isinstance(whole, Exception)
                else not isinstance(final, Exception) and same(final, whole)
            )
            finals.add(group, case, final, agrees)
            if isinstance(final, Exception):
                continue
            for view in seen:
                wrong = inconsistent(view, final)
                views.total[group] += 1
                views.wrong[group] += wrong is not None
                if wrong is not None and not shown_yet:
                    shown_yet = True
                    where = f"{views.title} {group}"
                    views.failures.append(Failure(where, Case(group, text, final), wrong))
    return views, finals


def _feed(parser: Callable[[], Any], text: str, size: int) -> tuple[list[Any], Any]:
    """Copies of every view, and the final value or what was raised."""
    live, seen = parser(), []
    try:
        for at in range(0, len(text), size):
            view = live.feed(text[at : at + size])
            seen.append(_copy(view))
        return seen, live.close().value
    except Exception as error:
        return seen, error


def _copy(view: Any) -> Any:
    """A live view as it stands now; deep ones are told by their text."""
    if isinstance(view, dict):
        return {key: _copy(item) for key, item in view.items()}
    return [_copy(item) for item in view] if isinstance(view, list) else view


def shown(failure: Failure) -> str:
    """A failure in four lines."""
    got = failure.got
    if isinstance(got, Exception):
        got = f"{type(got).__name__}: {got}"
    accepted = "".join(f"\n    or       {ascii_(good)}" for good in failure.case.others)
    return (
        f"- {failure.where}\n    input    {ascii_(failure.case.input)}\n"
        f"    expected {ascii_(failure.case.expected)}{accepted}\n    got      {ascii_(got)}"
    )


def ascii_(value: Any) -> str:
    """A value for a terminal of any encoding, at most 600 characters of it."""
    text = repr(value).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 600 else f"{text[:420]} ... {text[-160:]}"


def subject_of(name: str) -> Callable[[str], Any]:
    """The callable that ``module:attribute`` names."""
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not callable(found):
        raise SystemExit(f"{name} cannot be called")
    return found


def main() -> int:
    """Score, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repair.quality")
    parser.add_argument("--subject", default="altar.repair:parse")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--show", help="print every failure of this class or kind")
    parser.add_argument("--failures", type=int, default=5, help="failures to print per part")
    options = parser.parse_args()
    subject = subject_of(options.subject)
    for part in options.only.split(","):
        for result in globals()[f"score_{part}"](subject):
            print(result.report())
            if options.show:
                chosen = [f for f in result.failures if f.where.endswith(f" {options.show}")]
            else:
                chosen = result.failures[: options.failures]
            chosen += result.lost[: options.failures]
            print(*map(shown, chosen), sep="\n", end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
