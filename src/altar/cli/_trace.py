"""``altar trace``: what a trace file holds, as a list, as a tree, or in the browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from altar.cli._console import CliError
from altar.trace import load
from altar.viewer._list import ended, listed
from altar.viewer._text import plain, plural, when
from altar.viewer._tree import title, tree

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from altar.cli._console import Console
    from altar.trace import SpanRecord, TraceFile, TraceRecord
    from altar.viewer._text import Line

__all__ = ["configure", "follow", "run"]

_LISTED = 50  # traces, unless --full asks for all
_PAUSE = 0.25  # seconds between two looks at a file that grows


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("file", metavar="FILE_OR_DB", help="what JsonLinesSink or SqliteSink wrote")
    parser.add_argument(
        "--trace", metavar="ID", help="show this trace: the first characters of its id, or 'last'"
    )
    parser.add_argument(
        "--errors", action="store_true", help="only traces with an error, and in a tree what failed"
    )
    parser.add_argument(
        "--slowest",
        metavar="N",
        type=int,
        help="only the N slowest traces, or the N slowest calls of one trace",
    )
    parser.add_argument("--full", action="store_true", help="list every trace; cut nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--follow", action="store_true", help="go on: a line for each span that ends"
    )
    parser.add_argument(
        "--save", metavar="HTML", help="write the trace as a page that opens without a server"
    )
    parser.add_argument("--serve", action="store_true", help="show it in the browser")
    parser.add_argument(
        "--port", metavar="N", type=int, default=0, help="the port to serve on; a free one without"
    )
    parser.add_argument("--no-open", action="store_true", help="serve, but open no browser")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print, follow or serve."""
    if arguments.slowest is not None and arguments.slowest < 1:
        raise CliError(f"--slowest {arguments.slowest}: give a positive number")
    if arguments.save is not None:
        return _save(arguments, console)
    if arguments.serve:
        return _serve(arguments, console)
    if arguments.port or arguments.no_open:
        raise CliError("--port and --no-open belong to --serve; add it")
    try:
        file = load(arguments.file)
        if arguments.follow:
            follow(file, console, arguments)
        elif arguments.json:
            _print_json(_document(file, arguments), console)
        else:
            _show(file, arguments, console)
    except OSError as error:
        if str(error.filename) != arguments.file:
            raise  # standard output
        raise CliError(f"{arguments.file} cannot be read: {error.strerror}") from error
    return _tell(file, console)


def _save(arguments: argparse.Namespace, console: Console) -> int:
    """Write one trace: the one that is named, or the only one."""
    from altar.viewer import save  # noqa: PLC0415 - a page

    try:
        file = load(arguments.file)
        if arguments.trace is None and len(file.traces) > 1:
            raise CliError(
                f"--save writes one trace, and {arguments.file} has {len(file.traces)}: "
                "add --trace ID, or --trace last"
            )
        if not file.spans:
            raise CliError(f"{arguments.file}: no span has ended yet")
        trace = file.trace(arguments.trace or "last")
        target = save(arguments.file, arguments.save, trace=trace.id)
    except OSError as error:
        what = "written" if str(error.filename) == arguments.save else "read"
        raise CliError(f"{error.filename} cannot be {what}: {error.strerror}") from error
    console.print(f"{target}: trace {trace.id}")
    return _tell(file, console)


def _serve(arguments: argparse.Namespace, console: Console) -> int:
    from altar.viewer import serve  # noqa: PLC0415 - a server

    serve(
        arguments.file,
        port=arguments.port,
        open_browser=not arguments.no_open,
        on_start=lambda url: console.print(f"{arguments.file}: {url}  (Ctrl-C ends it)"),
    )
    return 0


def _show(file: TraceFile, arguments: argparse.Namespace, console: Console) -> None:
    traces = _chosen(file, arguments)
    if not file.spans:
        console.print(f"{arguments.file}: no span has ended yet")
    elif not traces:
        console.print("no trace has an error")
    elif arguments.trace is not None or len(file.traces) == 1:
        _paint(console, title(traces[0], console.width))
        console.print()
        shown = tree(
            traces[0],
            console.width,
            full=arguments.full,
            errors=arguments.errors,
            slowest=arguments.slowest,
        )
        _paint(console, shown)
        if arguments.errors and not traces[0].errors:
            console.print("no span of it has an error")
    else:
        older = 0 if arguments.full or arguments.slowest else max(0, len(traces) - _LISTED)
        total = f"{plural(len(file.traces), 'trace')}, {plural(len(file.spans), 'span')}"
        days = f"{when(file.traces[0].start)[:10]}"
        console.print(console.style(f"{arguments.file}  {total}, since {days}", "dim"))
        if older:
            console.print(console.style(f"{older:,} older traces; --full lists them", "dim"))
        _paint(console, listed(traces[older:], console.width))
        if console.live:
            console.note("--trace ID shows one of them")


def _print_json(document: dict[str, Any], console: Console) -> None:
    """Print it; to a terminal in ASCII, for what is in a trace must not rule it."""
    if console.live:
        from json import dumps  # noqa: PLC0415 - only here

        console.print(dumps(document, indent=2))
    else:
        console.json(document)


def _chosen(file: TraceFile, arguments: argparse.Namespace) -> Sequence[TraceRecord]:
    """The traces that were asked for: oldest first, so that the newest stands at the prompt."""
    if arguments.trace is not None:
        return [file.trace(arguments.trace)]
    traces = [trace for trace in file.traces if trace.errors or not arguments.errors]
    if arguments.slowest is not None:
        traces.sort(key=lambda trace: trace.seconds, reverse=True)
        del traces[arguments.slowest :]
    return traces


def _document(file: TraceFile, arguments: argparse.Namespace) -> dict[str, Any]:
    traces = _chosen(file, arguments)
    whole = arguments.trace is not None
    return {
        "file": arguments.file,
        "traces": [_summary(trace, whole=whole) for trace in traces],
        "losses": file.losses.to_dict(),
    }


def _summary(trace: TraceRecord, *, whole: bool) -> dict[str, Any]:
    spend = trace.spend
    found: dict[str, Any] = {
        "id": trace.id,
        "name": trace.name,
        "status": trace.status,
        "start": trace.start,
        "seconds": trace.seconds,
        "spans": len(trace.spans),
        "errors": trace.errors,
        "input_tokens": spend.input_tokens,
        "output_tokens": spend.output_tokens,
        "cost": None if spend.cost is None else str(spend.cost),
    }
    if whole:
        found["tree"] = [
            {"depth": depth, **(dict(span.document) or {"name": span.name, "span": span.span})}
            for depth, span in trace.rows()
        ]
    return found


def follow(
    file: TraceFile,
    console: Console,
    arguments: argparse.Namespace,
    *,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Print a line for each span of the file, those that end from now on too, until Ctrl-C."""
    shown, generation = 0, file.generation
    while True:
        if file.generation != generation:
            console.note(f"{arguments.file} was written anew")
            shown, generation = 0, file.generation
        for span in file.spans[shown:]:
            if _wanted(span, arguments):
                _follow_one(span, console, arguments)
        shown = len(file.spans)
        console.out.flush()
        pause(_PAUSE)
        file.refresh()


def _wanted(span: SpanRecord, arguments: argparse.Namespace) -> bool:
    if arguments.errors and not span.error:
        return False
    return arguments.trace is None or span.trace.startswith(arguments.trace.lower())


def _follow_one(span: SpanRecord, console: Console, arguments: argparse.Namespace) -> None:
    if arguments.json:
        from json import dumps  # noqa: PLC0415 - a line each, not a document

        console.print(dumps(dict(span.document)))
    else:
        _paint(console, [ended(span, console.width)])


def _tell(file: TraceFile, console: Console) -> int:
    """Say what is missing; 1 when lines of the file are damaged."""
    for line in file.losses.tell():
        console.note(plain(line))
    if file.losses.sampled_out:
        console.note(f"{file.losses.sampled_out:,} spans were sampled out")
    return 1 if file.losses.unreadable else 0


def _paint(console: Console, lines: Iterable[Line]) -> None:
    for line in lines:
        pieces = [console.style(text, style) if style else text for text, style in line if text]
        console.print("".join(pieces))
