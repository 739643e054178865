"""Corners of types and docstrings: shapes that few tools have, and each behaves."""

from __future__ import annotations

import operator
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import (
    Annotated,
    Any,
    Final,
    ForwardRef,
    List,
    NamedTuple,
    NewType,
    Optional,
    Set,
    Tuple,
    Union,
)

import pytest
from typing_extensions import TypeAliasType, TypeVar, Unpack

import altar
from altar import Context, Param
from altar.errors import DeclarationError
from altar.later.docstring._fields import parse_field
from altar.later.docstring._parse import Docstring, parse
from altar.later.hints._callables import doc_of, innermost
from altar.later.hints._dump import DumpError, dump
from altar.later.hints._nodes_union import RefNode, _known
from altar.later.hints._resolve import Scope, Unresolved

T = TypeVar("T")
Metres = NewType("Metres", int)
Boxes = TypeAliasType("Boxes", List[T], type_params=(T,))
Plain = TypeAliasType("Plain", List[int])
Endless = TypeAliasType("Endless", "Union[Endless, int]")


class Empty(NamedTuple):
    pass


class Easy(NamedTuple):
    a: int = 1


class Switch(Enum):
    ON = True


def schema_of(annotation: Any) -> dict[str, Any]:
    def probe(x): ...

    probe.__annotations__ = {"x": annotation}
    found = altar.declare(probe).to_dict(dialect="json-schema")["parameters"]
    return found["properties"]["x"]


def pass_in(annotation: Any, value: Any) -> altar.ToolResult:
    def probe(x):
        return repr(x)

    probe.__annotations__ = {"x": annotation}
    with altar.Session(tools=[probe]) as session:
        return session.execute("probe", {"x": value})


@pytest.mark.parametrize(
    ("line", "params"),
    [
        ("x (int) = 5: How many.", {"x": "How many."}),
        ("x (int) -- How many.", {"x": "How many."}),
        ("x (int) - How many.", {"x": "How many."}),
        ("x (int)", {"x": ""}),
        ("x (int) = 5", {}),
        ("x (int) and more", {}),
        ("x (a(b) and more", {}),
    ],
)
def test_a_type_in_brackets_is_stepped_over(line: str, params: dict[str, str]) -> None:
    assert parse(f"Does.\n\nArgs:\n    {line}\n").params == params


def test_a_field_whose_bracket_never_closes_ends_at_its_first_colon() -> None:
    assert parse_field(":param list[int x: The list.") == ("p", "x", "The list.")


def test_the_first_word_on_what_is_returned_stays() -> None:
    doc = Docstring("Does.")
    doc.add("r", (), "First.")
    doc.add("r", (), "Second.")
    assert doc.returns == "First."


def test_prose_after_loose_entries_ends_a_google_section() -> None:
    found = parse("Does.\n\nArgs:\nx: The x.\n\nAnd then some prose\n")
    assert found.params == {"x": "The x."}


def test_prose_between_numpy_entries_is_no_parameter() -> None:
    found = parse("Does.\n\nParameters\n----------\nx : int\n    The x.\n\nSome more prose here.\n")
    assert set(found.params) == {"x"}


def test_a_line_that_is_not_listed_starts_no_entry_of_a_list() -> None:
    found = parse("Does.\n\nArgs:\n    - x: The x.\n    y: not an entry\n")
    assert set(found.params) == {"x"}


def test_a_param_equals_only_params() -> None:
    assert Param("A.") != "A."
    assert Param("A.") == Param("A.")


def test_a_description_that_is_no_text_is_refused() -> None:
    with pytest.raises(Exception, match="description=3: give a text"):
        Param(3)


def test_a_new_type_beside_its_own_base_is_one_alternative() -> None:
    assert schema_of(Union[Metres, int]) == {"type": "integer"}


def test_an_open_tuple_of_nothing_but_its_open_part_is_an_array() -> None:
    found = schema_of(Tuple[Unpack[Tuple[int, ...]]])
    assert found == {"type": "array", "items": {"type": "integer"}}


def test_an_alias_is_what_it_stands_for() -> None:
    assert schema_of(Plain) == {"type": "array", "items": {"type": "integer"}}


def test_a_generic_alias_takes_its_arguments() -> None:
    assert schema_of(Boxes[str]) == {"type": "array", "items": {"type": "string"}}


def test_a_bare_final_takes_anything() -> None:
    assert "type" not in schema_of(Final)


def test_a_note_inside_a_list_describes_its_items() -> None:
    found = schema_of(List[Annotated[int, Param("How big.", examples=[3])]])
    assert found["items"] == {"type": "integer", "description": "How big.", "examples": [3]}


def test_two_types_of_one_schema_are_written_once() -> None:
    assert schema_of(Union[Path, PurePath]) == schema_of(Path)


def test_a_bounded_integer_stays_apart_from_a_number() -> None:
    found = schema_of(Union[Annotated[int, Param(ge=1)], float])
    assert {"type": "number"} in found["anyOf"]


def test_a_type_read_before_it_is_built_says_so() -> None:
    with pytest.raises(RuntimeError, match="the type Tree is read before it is built"):
        _known(RefNode("Tree"))


def test_a_row_without_fields_is_an_empty_array_or_object() -> None:
    found = schema_of(Empty)
    assert found["maxItems"] == 0
    assert "prefixItems" not in found


def test_a_row_of_defaults_has_no_least_length() -> None:
    assert "minItems" not in schema_of(Easy)


@pytest.mark.parametrize(
    ("annotation", "value", "shown"),
    [
        (dict[bool, int], {"true": 1}, "{True: 1}"),
        (dict[float, int], {"1.5": 1}, "{1.5: 1}"),
        (dict[Union[int, bool], int], {"true": 1}, "{True: 1}"),
        (Set[int], [1, 1], "{1}"),
    ],
)
def test_names_and_members_become_what_is_declared(annotation: Any, value: Any, shown: str) -> None:
    assert pass_in(annotation, value).content == shown


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (dict[bool, int], {"yes": 1}),
        (dict[float, int], {"1": 1, "1.0": 2}),
        (Path, "a\0b"),
        (complex, "1e999"),
        (Decimal, float("inf")),
        (dict[Annotated[str, Param(pattern="^a")], int], {"b": 1}),
        (Set[Any], [[1]]),
        (Easy, [1, 2]),
    ],
)
def test_a_value_that_does_not_fit_is_an_error(annotation: Any, value: Any) -> None:
    assert pass_in(annotation, value).error is not None


def test_memory_is_given_in_whole_megabytes() -> None:
    with pytest.raises(Exception, match="whole megabytes"):
        altar.tool(isolate=True, memory_mb=1.5)


def test_memory_needs_a_worker_process() -> None:
    with pytest.raises(Exception, match="worker process"):
        altar.tool(memory_mb=64)


def test_a_second_context_is_refused() -> None:
    def probe(a: Context, b: Context) -> None: ...

    with pytest.raises(DeclarationError, match="'a' is a Context already"):
        altar.declare(probe)


def test_a_member_whose_value_is_a_bool_is_written_as_it() -> None:
    assert dump(Switch.ON).content is True


def test_a_mapping_as_a_key_is_refused() -> None:
    class Key(NamedTuple):
        a: int

    with pytest.raises(DumpError, match="use texts or numbers as keys"):
        dump({Key(1): 2})


def test_an_object_that_set_nothing_is_refused() -> None:
    class Bare:
        def __init__(self, a: int) -> None:
            del a

    with pytest.raises(DumpError, match="a Bare at"):
        dump(Bare(1))


def test_an_object_that_takes_only_star_arguments_is_refused() -> None:
    class Star:
        def __init__(self, *args: int) -> None: ...

    with pytest.raises(DumpError, match="a Star at"):
        dump(Star(1))


def test_an_object_called_in_c_is_its_own_innermost() -> None:
    get = operator.itemgetter(1)
    assert innermost(get) is get


def test_a_chain_of_wrappers_without_end_is_given_up() -> None:
    def loop() -> None: ...

    loop.__wrapped__ = loop
    assert innermost(loop) is loop


def test_a_class_is_described_by_its_constructor_too() -> None:
    class Made:
        def __init__(self, a: int) -> None:
            """Make it.

            Args:
                a: The a.
            """

    found = doc_of(Made)
    assert (found.summary, found.params) == ("Make it.", {"a": "The a."})


def test_an_attribute_of_an_unknown_name_is_unknown_by_its_whole_name() -> None:
    assert repr(Scope({}).evaluate("np.ndarray")) == "np.ndarray"
    assert not hasattr(Unresolved("np"), "__wrapped__")


def test_a_reference_into_another_module_is_looked_up_there() -> None:
    ref = ForwardRef("Path", module="pathlib")
    assert Scope({}).lookup(ref) is Path


def test_an_optional_row_still_takes_null() -> None:
    assert pass_in(Optional[Easy], None).content == "None"


def test_an_alias_that_stands_for_itself_is_refused() -> None:
    with pytest.raises(DeclarationError, match="stands for itself"):
        schema_of(Endless)
