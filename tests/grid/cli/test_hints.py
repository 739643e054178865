"""What a text of the grid tells a person to type exists, with its options."""

from __future__ import annotations

import ast
import re

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

from altar.cli._main import COMMANDS, _parser  # noqa: E402 - the libraries may be missing
from tests.gates._source import ROOT  # noqa: E402

SOURCES = [
    ROOT / "src" / "altar" / "cli" / "_grid.py",
    *sorted((ROOT / "src" / "altar_extras" / "grid").rglob("*.py")),
]
NO_COMMAND = {"altar grid development CA"}  # the name of an authority
COMMAND = re.compile(rf"(type:? (?:this: )?)?\baltar ((?:{'|'.join(COMMANDS)})\b[^\n`;(]*)")
# what a hint has after the verb: options, and names of things in capitals (1: what is filled in)
WORD = re.compile(r"--[a-z1-]+|[A-Z][A-Z_]*(?:=[A-Z_,]+)?|1")


def hints() -> dict[tuple[str, ...], bool]:
    """The commands in string literals, as words; whether a person is told to type them so."""
    found: dict[tuple[str, ...], bool] = {}
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        parts = {
            id(part)
            for one in ast.walk(tree)
            if isinstance(one, ast.JoinedStr)
            for part in one.values
        }
        for node in ast.walk(tree):
            if id(node) in parts:
                continue
            for typed, words in COMMAND.findall(literal(node)):
                if f"altar {words}" not in NO_COMMAND:
                    key = tuple(command(words))
                    found[key] = found.get(key, False) or bool(typed)
    return found


def literal(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values
    )


def command(text: str) -> list[str]:
    """The words that belong to the command: up to the first that is prose."""
    words: list[str] = []
    for word in text.split():
        plain = word.rstrip(",.:)'\"")
        if not (len(words) < 2 or is_verb(words, plain) or WORD.fullmatch(plain)):
            break
        words.append(plain)
        if plain != word:
            break
    return words


def is_verb(words: list[str], word: str) -> bool:
    """Whether ``word`` may stand in the place of a verb: every word does there, a wrong one too."""
    return words in (["grid", "keys"], ["grid", "audit"], ["grid", "config"]) and word.isalpha()


HINTS = hints()


def test_the_texts_do_tell_what_to_type():
    assert ("grid", "up", "FILE_OR_MODULE") in HINTS
    assert ("grid", "keys", "add", "FOLDER", "--runtime", "NAME") in HINTS


@pytest.mark.parametrize("words", sorted(HINTS), ids=" ".join)
def test_a_command_in_a_text_exists_with_its_options(words, capsys):
    bare = [word for word in words if word == word.lower() and not word.startswith("-")]
    options = [word for word in words if word.startswith("-")]
    with pytest.raises(SystemExit) as end:
        _parser(bare).read([*bare, "--help"])
    told = capsys.readouterr()
    assert end.value.code == 0, told.err
    assert not [option for option in options if option not in told.out]
    if HINTS[words]:
        _parser(words).read([re.sub(r"^[A-Z_]+", "1", word) for word in words])
