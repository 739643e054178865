"""``altar tools``: the tools of a file or module, as a table or as declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altar
from altar.cli._console import compact, shorten
from altar.cli._target import HELP, tools_of

if TYPE_CHECKING:
    import argparse

    from altar.adm import FunctionDeclaration
    from altar.cli._console import Console

__all__ = ["configure", "run", "show_table", "type_text"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("target", metavar="FILE_OR_MODULE", help=HELP)
    parser.add_argument(
        "--format",
        choices=("table", "adm", "adm-1.0", "json-schema"),
        default="table",
        help="a table for people (the default), or a JSON array of declarations",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print them."""
    with altar.Session(tools=tools_of(arguments.target)) as session:
        declarations = session.declarations()
    if arguments.format == "table":
        show_table(console, declarations)
    else:
        console.json([one.to_dict(dialect=arguments.format) for one in declarations])
    return 0


def show_table(console: Console, declarations: tuple[FunctionDeclaration, ...]) -> None:
    """One block per tool: its name and description, then a line per parameter."""
    for number, declaration in enumerate(declarations):
        if number:
            console.print()
        name = console.style(declaration.name, "bold")
        summary = declaration.description.strip().partition("\n")[0]
        console.print(f"{name}  {shorten(summary, console.width - len(declaration.name) - 2)}")
        document = declaration.to_dict(dialect="json-schema")["parameters"]
        rows = _rows(document)
        names = max([len(row[0]) for row in rows], default=0)
        types = max([len(row[1]) for row in rows if len(row[1]) <= 36], default=0)
        for parameter, kind, text in rows:
            left = f"  {parameter:<{names}}  {console.style(f'{kind:<{types}}', 'cyan')}"
            room = console.width - names - max(types, len(kind)) - 6
            console.print(f"{left}  {shorten(text, room)}".rstrip())


def _rows(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    required = set(document.get("required", ()))
    definitions = document.get("$defs", {})
    return [
        (
            name if name in required else f"{name}?",
            shorten(type_text(schema, definitions), 60),
            _meaning(schema),
        )
        for name, schema in document.get("properties", {}).items()
    ]


def _meaning(schema: Any) -> str:
    if not isinstance(schema, dict):
        return ""
    text = schema.get("description", "")
    if "default" in schema:
        text = f"{text} (default {compact(schema['default'])})".strip()
    return str(text)


def type_text(schema: Any, definitions: dict[str, Any] | None = None) -> str:
    """A schema in a few characters: ``string``, ``integer[]``, ``"a" | "b"``, ``Point``."""
    if not isinstance(schema, dict) or not schema:
        return "any"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return compact(schema["const"])
    if "enum" in schema:
        return " | ".join(compact(value) for value in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(dict.fromkeys(type_text(one, definitions) for one in schema[key]))
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " | ".join(type_text({**schema, "type": one}, definitions) for one in kind)
    if kind == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(type_text(one, definitions) for one in schema['prefixItems'])}]"
        inner = type_text(schema.get("items"), definitions)
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    return str(schema.get("format", kind)) if kind == "string" else str(kind)
