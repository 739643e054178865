"""``altar demo``: the whole flow on three built-in tools and the embedded offline model."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import altar
from altar.cli import _demo_tools
from altar.cli._run import converse

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from altar.cli._console import Console

__all__ = ["configure", "run"]

_QUESTIONS = (
    'What is the weather in "Tokyo" and in "Oslo"?',
    "Convert 250 euro to yen",
    "How many days from 2026-01-01 to 2026-12-24?",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("--model", default="offline:", help="prefix:name of another model")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Show a tool, its declaration, and a run per question."""
    tools: list[Callable[..., Any]] = [
        _demo_tools.get_weather,
        _demo_tools.convert_money,
        _demo_tools.days_between,
    ]
    _title(console, "A typed function ...")
    console.print(inspect.getsource(_demo_tools.get_weather))
    _title(console, "... is declared from its signature and docstring ...")
    console.json(altar.declare(_demo_tools.get_weather).to_dict(dialect="json-schema"))
    console.print()
    label = (
        "the offline demo model, no real one" if arguments.model == "offline:" else arguments.model
    )
    _title(console, f"... and called by {label}.")
    worked = True
    for question in _QUESTIONS:
        console.print(console.style(f"? {question}", "bold"))
        reply = converse(question, tools, console, model=arguments.model)
        console.print()
        worked = worked and reply.finish == "stop"
    _title(console, "Your turn")
    console.print('altar run "your question" --tools your_file.py')
    return 0 if worked else 1


def _title(console: Console, text: str) -> None:
    console.print(console.style(f"# {text}", "green"), "")
