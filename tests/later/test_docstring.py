"""Docstrings: every style is read, nothing raises, sections stay out of the description."""

from __future__ import annotations

import sys
from inspect import cleandoc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altar.later.docstring._parse import Docstring, parse
from tests.strategies.docstrings import STYLES, Documented, documented


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("style", STYLES)
@given(
    params=documented,
    pad=st.sampled_from(("  ", "    ", "\t")),
    margin=st.sampled_from(("", "    ", "\t")),
    blank=st.booleans(),
    newline=st.sampled_from(("\n", "\r\n")),
    summary=st.sampled_from(("Does a thing.", "Does a thing.\n\nAt length: see below.", "")),
)
@settings(max_examples=60, deadline=None)
def test_every_documented_parameter_is_found_in_every_style(  # noqa: PLR0913
    style: str,
    params: list[Documented],
    pad: str,
    margin: str,
    blank: bool,
    newline: str,
    summary: str,
) -> None:
    lines = [*summary.split("\n"), *([""] if blank else []), *STYLES[style](params, pad)]
    doc = newline.join([lines[0], *(margin + line for line in lines[1:])]) + newline + margin
    found = parse(doc)
    assert {name: flat(text) for name, text in found.params.items()} == {
        p.name: flat(p.text) for p in params
    }
    assert found.summary == summary


@given(st.text())
@settings(max_examples=150, deadline=None)
def test_no_text_makes_the_parser_raise(text: str) -> None:
    assert isinstance(parse(text), Docstring)


_PIECES = st.sampled_from(
    (
        *("Args:", "Parameters", "----", ":param", ":param x", "@param x:", "@type", ":type:`x`"),
        *("x (int", "x (a(b):", "*:", "**", "- ", "x:", ":", "@", "Raises:", "Returns:", "Note:"),
        *(
            "\t",
            "    ",
            "        ",
            "\n",
            "\n",
            "\n    ",
            "text",
            "x, y : int",
            " -- ",
            "\r",
            "\x0c",
        ),
    )
)


@given(st.lists(_PIECES, max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_no_broken_docstring_makes_the_parser_raise(text: str) -> None:
    found = parse(text)
    assert all(name.isidentifier() for name in (*found.params, *found.attributes))


@pytest.mark.parametrize("style", STYLES)
@given(params=documented)
@settings(max_examples=30, deadline=None)
def test_a_cleaned_docstring_reads_like_the_raw_one(style: str, params: list[Documented]) -> None:
    lines = ["Does a thing.", "", *STYLES[style](params, "    ")]
    raw = "\n".join([lines[0], *("    " + line for line in lines[1:])])
    assert parse(cleandoc(raw)).params == parse(raw).params


@pytest.mark.parametrize(
    "piece",
    [
        "Args:\n",
        "    x: a\n",
        ":param x: y\n",
        "x (",
        "((((",
        "----\n",
        "x -- ",
        "\n",
        "- a\n",
        ":",
    ],
)
def test_the_lines_read_grow_with_the_text_and_not_faster(piece: str) -> None:
    def lines_run(times: int) -> int:
        count = 0

        def trace(frame: object, event: str, arg: object) -> object:
            nonlocal count
            count += 1
            return trace

        doc = "S.\n\n    Args:\n        x: b\n" + piece * times
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            parse(doc)
        finally:
            sys.settrace(before)
        return count

    small, large = lines_run(100), lines_run(800)
    assert large <= 8.5 * small + 400


CASES: dict[str, tuple[str, dict[str, str]]] = {
    "google without a blank line": (
        "Weather.\nArgs:\n    city: Name.\n    unit: Scale.\nReturns:\n    Text.",
        {"city": "Name.", "unit": "Scale."},
    ),
    "colons inside the text": (
        "Weather.\n\nArgs:\n    ratio: Scale: a:b, like 16:9.\n    url: http://x.y/z: the page",
        {"ratio": "Scale: a:b, like 16:9.", "url": "http://x.y/z: the page"},
    ),
    "star names": (
        "W.\n\nArgs:\n    *days: Days.\n    **opts: Options.\n    \\*more: More.",
        {"days": "Days.", "opts": "Options.", "more": "More."},
    ),
    "types and defaults in the text": (
        (
            "W.\n\nArgs:\n"
            "    a (int): One. Defaults to 3.\n"
            "    b (Optional[dict[str, int]], optional): Two.\n"
            "    c (Callable[[int], str] = print): Three.\n"
            "    d (:obj:`int`, optional): Four.\n"
            "    e = 5: Five.\n"
            "    f : Six.\n"
            "    g [int]: Seven.\n"
            "    `h` (tuple (of (many))): Eight."
        ),
        {
            "a": "One. Defaults to 3.",
            "b": "Two.",
            "c": "Three.",
            "d": "Four.",
            "e": "Five.",
            "f": "Six.",
            "g": "Seven.",
            "h": "Eight.",
        },
    ),
    "several lines and lists": (
        (
            "W.\n\nArgs:\n"
            "    mode: How to run,\n"
            "        one of:\n"
            "        - fast: quick\n"
            "        - slow: careful\n"
            "\n"
            "        Never both.\n"
            "    n: Number."
        ),
        {
            "mode": "How to run, one of:\n- fast: quick\n- slow: careful\n\nNever both.",
            "n": "Number.",
        },
    ),
    "nested keys": (
        "W.\n\nArgs:\n    options: Options:\n        a: first\n            deep\n        b: second\n    n: N.",
        {"options": "Options: a: first\n    deep b: second", "n": "N."},
    ),
    "text under the name": (
        "W.\n\nArgs:\n    a:\n        One.\n    b (int):\n        Two.\n    c\n        Three.",
        {"a": "One.", "b": "Two.", "c": "Three."},
    ),
    "unindented continuation": (
        "W.\n\nArgs:\n    a: One that goes\n    on here.\n    b: Two.",
        {"a": "One that goes on here.", "b": "Two."},
    ),
    "entries no deeper than the title": (
        "W.\n\nArgs:\na: One.\nb (int): Two.\n\nReturns:\nText.",
        {"a": "One.", "b": "Two."},
    ),
    "bulleted entries": (
        "W.\n\nParameters:\n    - a: One.\n    - `b` (int): Two.\n      More.",
        {"a": "One.", "b": "Two. More."},
    ),
    "keyword and other sections": (
        "W.\n\nArgs:\n    a: One.\n\nKeyword Args:\n    b: Two.\n\nOther Parameters:\n    c: Three.",
        {"a": "One.", "b": "Two.", "c": "Three."},
    ),
    "names like section titles": (
        "W.\n\nArgs:\n    notes: Notes.\n    returns:\n        Returned.\n    args: Args.",
        {"notes": "Notes.", "returns": "Returned.", "args": "Args."},
    ),
    "numpy, two names on a line": (
        (
            "W.\n\nParameters\n----------\nx, y : int\n    Point.\n*args, **kw\n    Rest.\n\n"
            "Other Parameters\n----------------\nz : {'a', 'b'}, default 'a'\n    Z.\n    More.\n"
        ),
        {"x": "Point.", "y": "Point.", "args": "Rest.", "kw": "Rest.", "z": "Z. More."},
    ),
    "numpy with text behind the colon": (
        "W.\n\nParameters\n----------\nx: The number to use\ny : int\nz\n    Z.",
        {"x": "The number to use", "y": "", "z": "Z."},
    ),
    "numpy with a colon behind the title": (
        "W.\n\nParameters:\n-----------\nx : int\n    X.\n",
        {"x": "X."},
    ),
    "sphinx with types": (
        (
            "W.\n\n:param int x: X.\n:type y: list\n:param y: Y: more\n    and more.\n"
            ":param dict[str, int] z: Z.\n:keyword k: K.\n:param \\*args: Rest.\n:returns: all"
        ),
        {"x": "X.", "y": "Y: more and more.", "z": "Z.", "k": "K.", "args": "Rest."},
    ),
    "sphinx with a loose continuation": (
        "W.\n\n:param x: X goes\non here.\n:param y:\n    Y.\n\n    And Y.\n\nEnd.",
        {"x": "X goes on here.", "y": "Y.\n\nAnd Y."},
    ),
    "epydoc": (
        (
            "W.\n@param x: X.\n@type x: int\n@param y: Y: more.\n@keyword k: K.\n@param z no colon\n"
            "@param dict[str, int] d: D.\n@return: all"
        ),
        {"x": "X.", "y": "Y: more.", "k": "K.", "z": "no colon", "d": "D."},
    ),
    "dashes": (
        "W.\n\nKeyword arguments:\nreal -- the real part (default 0.0)\nimag -- the other: part\n",
        {"real": "the real part (default 0.0)", "imag": "the other: part"},
    ),
    "tabs": (
        "W.\n\n\tArgs:\n\t\ta: One.\n\t\t\tMore.\n\t\tb: Two.",
        {"a": "One. More.", "b": "Two."},
    ),
    "crlf": ("W.\r\n\r\nArgs:\r\n    a: One.\r\n    b: Two.\r\n", {"a": "One.", "b": "Two."}),
    "an odd indent": (
        "W.\n\n   More.\n\n     Args:\n         a: One.\n       b: Two.\n     Returns:\n         x",
        {"a": "One.", "b": "Two."},
    ),
    "title on the first line": (
        "Args:\n        a: One.\n        b: Two.\n\n    Returns:\n        Text.\n    ",
        {"a": "One.", "b": "Two."},
    ),
    "said twice": ("W.\n\n:param a: One.\n:param a: Two.", {"a": "One."}),
    "an empty section": ("W.\n\nArgs:\n\nReturns:\n    x: y", {}),
    "a title at the end": ("W.\n\nArgs:", {}),
    "a role is no field": ("W.\n\n:type:`x` is fine.\n:param: nothing", {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_parameter_text_is_read_whatever_its_shape(case: str) -> None:
    doc, params = CASES[case]
    assert parse(doc).params == params


SECTIONS = "Args Returns Raises Yields Example Examples References".split()


@pytest.mark.parametrize("title", SECTIONS)
def test_the_description_ends_at_the_first_section(title: str) -> None:
    doc = f"Does it.\n\n    Well.\n\n    {title}:\n        x: text\n\n    Args:\n        y: more\n"
    found = parse(doc)
    assert found.summary == "Does it.\n\nWell."
    assert found.params["y"] == "more"


def test_an_aside_before_the_sections_belongs_to_the_description() -> None:
    found = parse("Deletes it.\n\nWarning:\n    For good.\n\nArgs:\n    x: X.\n\nNote:\n    y: z\n")
    assert found.summary == "Deletes it.\n\nWarning:\n    For good."
    assert found.params == {"x": "X."}


def test_numpy_notes_and_examples_stay_out() -> None:
    found = parse("It.\n\nNotes\n-----\nFoo : bar\n\nParameters\n----------\nx : int\n    X.\n")
    assert (found.summary, found.params) == ("It.", {"x": "X."})


def test_prose_that_only_looks_like_a_section_stays() -> None:
    doc = "Explains args: all of them.\n\nHeading\n-------\nText.\n\nReturns: a number, always"
    assert parse(doc).summary == doc


def test_code_in_an_example_declares_nothing() -> None:
    doc = "It.\n\nArgs:\n    x: X.\n\nExample:\n    Args:\n        y: no\n    :param z: no\n"
    assert parse(doc).params == {"x": "X."}


@pytest.mark.parametrize(
    "doc",
    [
        "A point.\n\nAttributes:\n    x (int): Left.\n    y: Up.",
        "A point.\n\nAttributes\n----------\nx : int\n    Left.\ny\n    Up.",
        "A point.\n\n:ivar int x: Left.\n:var y: Up.",
        "A point.\n\n@ivar x: Left.\n@cvar y: Up.",
    ],
)
def test_attributes_of_a_class_are_kept_apart_from_parameters(doc: str) -> None:
    found = parse(doc)
    assert found.attributes == {"x": "Left.", "y": "Up."}
    assert (found.params, found.summary) == ({}, "A point.")


@pytest.mark.parametrize(
    "doc",
    [
        "It.\n\nReturns:\n    The\n    sum.\n\nRaises:\n    ValueError: If bad.\n    a.B: No.",
        (
            "It.\n\nReturns\n-------\nint\n    The\n    sum.\n\nRaises\n------\nValueError\n"
            "    If bad.\na.B\n    No."
        ),
        "It.\n\n:returns: The\n    sum.\n:rtype: int\n:raises ValueError: If bad.\n:raise a.B: No.",
        "It.\n@return: The\n    sum.\n@rtype: int\n@raise ValueError: If bad.\n@raise a.B: No.",
    ],
)
def test_returns_and_raises_are_read(doc: str) -> None:
    found = parse(doc)
    assert found.returns == "The sum."
    assert found.raises == (("ValueError", "If bad."), ("a.B", "No."))
    assert found.summary == "It."


def test_yields_stand_for_returns() -> None:
    assert parse("It.\n\nYields:\n    int: One by one.\n").returns == "int: One by one."


@pytest.mark.parametrize("doc", [None, "", "   ", "\n\n\t\n"])
def test_no_docstring_is_an_empty_one(doc: str | None) -> None:
    found = parse(doc)
    assert (found.summary, found.params, found.attributes, found.returns) == ("", {}, {}, None)
    assert found.raises == ()
