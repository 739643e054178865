"""What a caller gives is checked: the error says what was wrong, and what to type."""

from __future__ import annotations

import pickle
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from altar.errors import ConfigurationError, RepairError
from altar.repair import StreamParser, loads, parse, repair

VERBS = [parse, loads, repair]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("text", ['{"a": 1}', "{a: 1,}"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"policy": "frist"}, r"policy='frist'.*type policy='best'"),
        ({"policy": ["best"]}, r"policy=\['best'\]"),
        ({"max_risk": 1.5}, r"max_risk=1\.5: a number from 0 to 1; type max_risk=0\.2"),
        ({"max_risk": -1}, "max_risk=-1"),
        ({"max_risk": float("nan")}, "max_risk=nan"),
        ({"max_risk": "low"}, "max_risk='low'"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(verb: Any, text: str, options: Any, said: str):
    """For valid JSON as for broken one, and by the parser of streams."""
    with pytest.raises(ConfigurationError, match=said):
        verb(text, **options)
    with pytest.raises(ConfigurationError, match=said):
        StreamParser(**options)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (5, "not int; a value that was read already"),
        (None, "not NoneType; there is no text"),
        ({"a": 1}, "not dict; a value that was read already"),
        (StringIO("{}"), r"not StringIO; read it first: repair\.loads\(file\.read\(\)\)"),
        (Path("x.json"), r"read it first: repair\.loads\(path\.read_text\(\)\)"),
        (memoryview(b"{}"), r"not memoryview; type repair\.loads\(bytes\(view\)\)"),
    ],
)
def test_what_is_no_text_is_refused_with_what_to_type(verb: Any, given: Any, said: str):
    """A str or bytes it has to be."""
    with pytest.raises(TypeError, match=said):
        verb(given)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "objekt"}, r"\$\.type is 'objekt'; it must be one of string"),
        ({"properties": 5}, r"\$\.properties is 5; it must be an object of schemas"),
        ({"properties": {"a": 5}}, r"\$\.properties\.a is 5; it must be a schema"),
        (
            {"items": {"$ref": "#/$defs/X"}},
            r"\$\.items\['\$ref'\] is '#/\$defs/X'.*leads somewhere",
        ),
        ({"anyOf": {"type": "string"}}, r"\$\.anyOf is .*an array of schemas"),
        ({"anyOf": [{"type": ["null", 1]}]}, r"\$\.anyOf\[0\]\.type is 1"),
        ({"required": "a"}, r"\$\.required is 'a'; it must be an array"),
    ],
)
def test_a_schema_that_is_none_is_refused_with_the_path(schema: Any, said: str):
    """It would say nothing, and nobody would know."""
    with pytest.raises(ConfigurationError, match=said):
        parse("{a: 1}", schema)
    with pytest.raises(ConfigurationError, match=said):
        StreamParser(schema)


def test_a_schema_may_refer_to_itself_and_beyond_itself():
    """What leads nowhere within the document is refused, nothing else."""
    schema = {
        "type": "OBJECT",
        "properties": {"a": {"$ref": "#"}, "b": {"$ref": "https://a.org/b"}, "c": True},
        "items": [{"type": "string"}, False],
    }
    assert loads("{a: {c: 1,},}", schema) == {"a": {"c": 1}}


def test_an_error_keeps_what_its_position_counts():
    """Bytes that are no text are told as such, in a copy of the error too."""
    with pytest.raises(RepairError, match=r"\(byte 2\)") as caught:
        parse(b'"a\xff"')
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.unit, copy.position, str(copy)) == ("byte", 2, str(caught.value))
