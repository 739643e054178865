"""What ``@tool`` promises about the function it marks."""

from __future__ import annotations

import asyncio
import functools
import math
import pickle
from dataclasses import dataclass
from typing import Any

import pytest

import altar
from altar.errors import DeclarationError, RegistryError
from altar.later import mark_of, tool


@tool
def marked_at_module_level(city: str) -> str:
    """A city."""
    return city


@pytest.fixture(autouse=True)
def _registry_as_before():
    before = altar.registry.snapshot()
    yield
    altar.registry.restore(before)


def module_level(source: str, **names: Any) -> dict[str, Any]:
    """Run a module's text and return what it defines."""
    space: dict[str, Any] = {"__name__": "a_module", "tool": tool, **names}
    exec(compile(source, "a_module.py", "exec"), space)
    return space


def test_the_same_function_comes_back_callable_and_picklable():
    def plain(x: int) -> int:
        return x + 1

    assert tool(plain) is plain
    assert plain(1) == 2
    assert pickle.loads(pickle.dumps(marked_at_module_level)) is marked_at_module_level


def test_an_async_function_stays_awaitable():
    @tool
    async def later(x: int) -> int:
        return x * 2

    assert asyncio.run(later(4)) == 8


def test_options_given_to_the_decorator_are_kept_on_the_mark():
    @tool(name="other-name", description="Does it.", timeout=2.5, idempotent=True, inline=True)
    def f() -> None: ...

    mark = mark_of(f)
    assert mark is not None
    assert (mark.name, mark.description) == ("other-name", "Does it.")
    assert mark.options is not None
    assert (mark.options.timeout, mark.options.idempotent, mark.options.inline) == (2.5, True, True)


def test_a_module_level_function_is_registered_and_a_local_one_is_not():
    assert altar.registry.get("marked_at_module_level").target is marked_at_module_level

    @tool
    def local_one() -> None: ...

    assert mark_of(local_one) is not None
    assert "local_one" not in altar.registry


def test_methods_are_marked_and_a_bound_method_finds_its_mark():
    class Desk:
        @tool(name="answer_phone")
        def answer(self) -> str:
            return "hello"

        @tool
        @staticmethod
        def still() -> str:
            return "still"

    desk = Desk()
    mark = mark_of(desk.answer)
    assert mark is not None and mark.name == "answer_phone"
    assert mark_of(Desk.still) is not None
    assert "answer_phone" not in altar.registry
    assert Desk.still() == "still"


def test_a_mark_copied_by_wraps_or_inherited_by_a_subclass_does_not_count():
    @tool
    def inner(x: int) -> int:
        return x

    @functools.wraps(inner)
    def guarded(x: int) -> int:
        return inner(min(x, 10))

    @tool
    class Base:
        pass

    class Sub(Base):
        pass

    assert mark_of(guarded) is None
    assert mark_of(Base) is not None
    assert mark_of(Sub) is None


@pytest.mark.parametrize("target", [math.gcd, [].append, "text".upper])
def test_bound_methods_and_builtins_are_refused_with_the_way_out(target):
    with pytest.raises(DeclarationError, match=r"Session\(tools="):
        tool(target)


def test_misuse_says_what_to_type():
    with pytest.raises(DeclarationError, match=r"write @tool"):
        tool("get_weather")
    with pytest.raises(DeclarationError, match="seconds above zero"):
        tool(timeout=-1)
    with pytest.raises(DeclarationError, match="idempotent='no': give True or False"):
        tool(idempotent="no")
    with pytest.raises(DeclarationError, match="not blank"):
        tool(description="  ")
    with pytest.raises(DeclarationError, match=r"@tool\(name="):

        @tool(name="9 lives")
        def f() -> None: ...


def test_a_name_that_clashes_names_both_places_and_keeps_the_first():
    module_level("@tool\ndef twice(x: int) -> int: return x\n")
    with pytest.raises(RegistryError, match=r"a_module\.py:1.*b_module\.py:4") as caught:
        source = "\n\n\n@tool\ndef twice(x: int) -> int: return -x\n"
        exec(compile(source, "b_module.py", "exec"), {"__name__": "b_module", "tool": tool})
    assert "name=" in str(caught.value)
    assert altar.registry.get("twice").target.__module__ == "a_module"


def test_defining_again_under_the_same_name_replaces():
    module_level("@tool\ndef again() -> int: return 1\n")
    module_level("@tool\ndef again() -> int: return 2\n")
    assert altar.registry.get("again").target() == 2


def test_a_script_imported_again_under_its_module_name_is_the_same_tool():
    source = "@tool\ndef one() -> int: return 1\n"
    module_level(source, __name__="__main__")
    module_level(source, __name__="script")
    assert altar.registry.get("one").target.__module__ == "script"


def test_string_annotations_of_a_local_function_keep_the_objects_they_name():
    @dataclass
    class Point:
        x: int

    unrelated = object()

    @tool
    def move(to: Point) -> None: ...

    mark = mark_of(move)
    assert mark is not None
    assert mark.scope is not None
    assert mark.scope["Point"] is Point
    assert unrelated not in mark.scope.values()


def test_a_class_body_inside_a_function_sees_both_scopes():
    class Outer: ...

    class Holder:
        class Inner: ...

        @tool
        def take(self, a: Outer, b: Inner) -> None: ...

    mark = mark_of(Holder.take)
    assert mark is not None
    assert mark.scope == {"Outer": Outer, "Inner": Holder.Inner}
