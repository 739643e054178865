"""DSPy signatures that are strings: the declarations DSPy's own reading gives, without DSPy."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.adm import is_name
from altar.errors import ConfigurationError, DeclarationError
from altar_extras.dspy_signatures import declaration_of
from tests.gates._source import SRC

MOODS = "question: str, tags: list[str] -> answer: float, mood: Literal['up','down']"

SCALARS = st.sampled_from(
    ["str", "int", "float", "bool", "bytes", "Any", "NoneType", "None", "complex", "Text"]
    + ["datetime.date", "decimal.Decimal", "uuid.UUID", "pathlib.Path", "typing.List[int]"]
    + ["list", "dict", "set", "tuple", "Literal['a', 'b c', 3, True]", "Annotated[int, 'x']"]
)
TYPES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        inner.map("list[{}]".format),
        inner.map("Optional[{}]".format),
        inner.map("tuple[{}, ...]".format),
        inner.map("dict[str, {}]".format),
        inner.map("Sequence[{}]".format),
        inner.map("{} | None".format),
        st.tuples(inner, inner).map("Union[{0[0]}, {0[1]}]".format),
        st.tuples(inner, inner).map("tuple[{0[0]}, {0[1]}]".format),
    ),
    max_leaves=4,
)
NAMES = st.sampled_from(["a", "b", "schema", "args", "tags", "x1", "camelCase", "é", "type", "f"])
FIELDS = st.lists(
    st.tuples(NAMES, st.none() | TYPES), min_size=1, max_size=4, unique_by=lambda field: field[0]
)


def written(fields: list[tuple[str, str | None]]) -> str:
    return ", ".join(name if kind is None else f"{name}: {kind}" for name, kind in fields)


def test_inputs_become_parameters_and_outputs_the_object_that_is_returned():
    declaration = declaration_of(MOODS)
    assert declaration.name == "predict_answer_mood"
    assert declaration.description == (
        "Given the fields `question`, `tags`, produce the fields `answer`, `mood`."
    )
    assert declaration.to_dict("json-schema")["parameters"] == {
        "type": "object",
        "properties": {
            "question": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["question", "tags"],
        "additionalProperties": False,
    }
    assert declaration.extensions["x_returns"] == {
        "type": "object",
        "properties": {
            "answer": {"type": "number"},
            "mood": {"type": "string", "enum": ["up", "down"]},
        },
        "required": ["answer", "mood"],
        "additionalProperties": False,
    }


def test_what_may_be_none_need_not_be_given_and_names_and_words_may_be_said():
    @dataclass
    class Point:
        x: float

    declaration = declaration_of(
        "a: int | None, p: Point -> b", "Do it.", name="act", types={"Point": Point}
    )
    assert (declaration.name, declaration.description) == ("act", "Do it.")
    assert declaration.parameters.required == ("p",)


@pytest.mark.filterwarnings("ignore:Field name")
@given(inputs=FIELDS, outputs=FIELDS)
def test_a_string_declares_the_same_as_through_dspys_own_reading(inputs, outputs):
    dspy = pytest.importorskip("dspy", "3.4")
    from altar_extras import dspy as adapter  # noqa: PLC0415

    outputs = [(f"out_{name}", kind) for name, kind in outputs]
    text = f"{written(inputs)} -> {written(outputs)}"
    theirs = adapter.declaration_of(dspy.Signature(text))
    ours = declaration_of(text)
    assert ours.to_dict() == theirs.to_dict() == adapter.declaration_of(text).to_dict()
    assert is_name(ours.name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a -> b -> c", ["exactly one '->'"]),
        ("a, b", ["exactly one '->'"]),
        ("a b -> c", ["the inputs cannot be read"]),
        ("a): pass\nimport os\ndef g(x -> b", ["the inputs cannot be read"]),
        ("a=1 -> *b", ["inputs are names with types", "outputs are names with types"]),
        ("a, a, b -> b", ["'a' is there twice", "'b' is an input and an output"]),
        ("_a -> model_config", ["'_a'", "'model_config'"]),
        ("a: Foo, b: no.Such -> c: datetime.no", ["'Foo'", "no module 'no'", "datetime.no"]),
        ("a: 'int' -> b: list['x']", ["'int' is no type", "without quotes"]),
        ("a: 'x' | int -> b: 3", ["without quotes", "3 is no type"]),
        ("a: List -> b: Callable[[int], int]", ["List is no type", "cannot be read"]),
        ("a: Literal[-1], b: int[str] -> c", ["cannot be read", "int[str] is no type"]),
        ("a: Callable[..., int] -> b: list[Callable]", ["input 'a': Callable", "output 'b'"]),
    ],
)
def test_everything_wrong_in_a_string_is_told_at_once(text: str, words: list[str]):
    with pytest.raises(DeclarationError) as caught:
        declaration_of(text)
    assert not [word for word in words if word not in str(caught.value)], str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["a: Foo -> b", "a -> b -> c", "a b -> c", "_a -> b", "a: 'int' -> b", "a: List -> b"]
    + ["a: Literal[-1] -> b", "a, b -> b", "a: int[str] -> b", "a: no.Such -> b"],
)
def test_what_is_refused_dspy_refuses_too(text: str):
    dspy = pytest.importorskip("dspy", "3.4")
    with pytest.raises(Exception):  # noqa: B017, PT011 - of whatever class it is there
        dspy.Signature(text)
    with pytest.raises(DeclarationError):
        declaration_of(text)


def test_a_class_is_refused_with_the_way_in_that_takes_it():
    with pytest.raises(ConfigurationError, match=r"altar_extras\.dspy\.declaration_of"):
        declaration_of(int)  # type: ignore[arg-type]


def test_without_dspy_strings_are_declared_and_the_adapter_says_what_to_type():
    code = f"""
        import sys
        sys.path.insert(0, {str(SRC)!r})
        from altar_extras.dspy_signatures import declaration_of
        print(declaration_of({MOODS!r}).name)
        try:
            import altar_extras.dspy
        except ImportError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        "predict_answer_mood",
        (
            "altar_extras.dspy needs the library dspy; type: "
            'pip install "dspy>=3.4" or pip install ".[dspy]"'
        ),
    ]
