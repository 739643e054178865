"""``altar tools``: the tools of a file or module, as a table or as declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altar
from altar.cli._console import compact, shorten
from altar.cli._target import HELP, tools_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from altar.adm import FunctionDeclaration
    from altar.cli._console import Console

__all__ = ["configure", "run", "show_table", "type_text"]

_EFFECTS = {
    "x_requires_approval": "approval",
    "x_destructive": "destructive",
    "x_read_only": "read-only",
    "x_idempotent": "idempotent",
}
_DEEPEST = 4  # how many levels of objects within objects are shown
_WIDEST = 36  # types beyond this do not push the texts of the others to the right


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
    with altar.Session(tools_of(arguments.target), runtime=lambda local: local) as session:
        declarations = session.declarations()
    if arguments.format == "table":
        show_table(console, declarations)
    else:
        console.json([one.to_dict(dialect=arguments.format) for one in declarations])
    return 0


def show_table(console: Console, declarations: tuple[FunctionDeclaration, ...]) -> None:
    """One block per tool: its name and description, then a line per parameter and field."""
    for number, declaration in enumerate(declarations):
        if number:
            console.print()
        name = console.style(declaration.name, "bold")
        said = _said(declaration)
        summary = declaration.description.strip().partition("\n")[0]
        room = console.width - len(declaration.name) - len(said) - 2
        console.print(f"{name}{console.style(said, 'yellow')}  {shorten(summary, room)}")
        document = declaration.to_dict(dialect="json-schema")["parameters"]
        rows = list(_rows(document, document.get("$defs", {})))
        names = max([len(row[0]) for row in rows], default=0)
        types = max([len(row[1]) for row in rows if len(row[1]) <= _WIDEST], default=0)
        for parameter, kind, text in rows:
            left = f"  {parameter:<{names}}  {console.style(f'{kind:<{types}}', 'cyan')}"
            room = console.width - names - max(types, len(kind)) - 6
            console.print(f"{left}  {shorten(text, room)}".rstrip())


def _said(declaration: FunctionDeclaration) -> str:
    """What the tool says of its effects, and whether a person must agree: `` (approval)``."""
    words = [word for field, word in _EFFECTS.items() if declaration.extensions.get(field) is True]
    return f" ({', '.join(words)})" if words else ""


def _rows(
    document: dict[str, Any], definitions: dict[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, str, str]]:
    """The fields of an object, each followed by its own fields, indented.

    ``above`` names what the object lies in, an entry per level: a type that
    holds itself is shown once.
    """
    required = set(document.get("required", ()))
    for name, schema in document.get("properties", {}).items():
        shown = "  " * len(above) + (name if name in required else f"{name}?")
        yield shown, shorten(type_text(schema, definitions), 60), _meaning(schema)
        inner, reference = _object_in(schema, definitions)
        if len(above) < _DEEPEST and inner and (not reference or reference not in above):
            yield from _rows(inner, definitions, (*above, reference))


def _object_in(schema: Any, definitions: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The object a schema describes, alone, as an item or beside null, and its name in $defs.

    Empty where there is none, and where there are several to choose from.
    """
    reference = ""
    while isinstance(schema, dict):
        if "properties" in schema:
            return schema, reference
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            if name == reference:
                break
            reference, schema = name, definitions.get(name)
        elif "anyOf" in schema or "oneOf" in schema:
            branches = schema.get("anyOf") or schema["oneOf"]
            every = [_object_in(one, definitions) for one in branches]
            found = [one for one in every if one[0]]
            return found[0] if len(found) == 1 else ({}, "")
        else:
            schema = schema.get("items", schema.get("additionalProperties"))
    return {}, ""


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
    if kind in ("array", "object"):
        return _container_text(schema, kind, definitions)
    return str(schema.get("format", kind)) if kind == "string" else str(kind)


def _container_text(schema: dict[str, Any], kind: str, definitions: dict[str, Any] | None) -> str:
    if kind == "object":
        values = schema.get("additionalProperties")
        if "properties" in schema or not isinstance(values, dict):
            return kind
        return f"{{*: {type_text(values, definitions)}}}"
    if "prefixItems" in schema:
        return f"[{', '.join(type_text(one, definitions) for one in schema['prefixItems'])}]"
    inner = type_text(schema.get("items"), definitions)
    return f"({inner})[]" if " | " in inner else f"{inner}[]"
