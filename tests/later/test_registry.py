"""What a Registry promises to writers and to readers."""

from __future__ import annotations

import functools
import json
import math
import sys
import threading

import pytest

from altar.errors import DeclarationError, RegistryError
from altar.later import Registry


def make(name: str):
    def fn(x: int = 0) -> int:
        """A tool."""
        return x

    fn.__name__ = fn.__qualname__ = name
    return fn


def test_names_keep_the_order_of_registration_and_get_returns_the_mark():
    registry = Registry()
    for name in ("b", "a", "c"):
        registry.register(make(name))
    assert registry.names() == ("b", "a", "c")
    assert registry.get("a").target.__name__ == "a"
    assert len(registry) == 3 and "a" in registry and list(registry) == ["b", "a", "c"]


def test_any_callable_registers_without_being_touched():
    registry = Registry()
    registry.register(math.gcd)
    registry.register(functools.partial(make("inner"), 3), name="three")
    assert registry.names() == ("gcd", "three")


def test_an_unknown_name_is_answered_with_the_nearest():
    registry = Registry()
    registry.register(make("get_weather"))
    with pytest.raises(RegistryError, match="did you mean 'get_weather'"):
        registry.get("get_wether")
    with pytest.raises(RegistryError, match="no tool is registered"):
        registry.remove("other")


def test_a_bad_name_registers_nothing():
    registry = Registry()
    with pytest.raises(DeclarationError, match="not allowed"):
        registry.register(make("ok"), name="not ok")
    assert len(registry) == 0


def test_restore_brings_back_a_snapshot_and_snapshots_never_change():
    registry = Registry()
    registry.register(make("a"))
    before = registry.snapshot()
    assert registry.snapshot() is before
    registry.register(make("b"))
    assert tuple(before.marks) == ("a",)
    registry.restore(before)
    assert registry.names() == ("a",)


def test_a_namespace_holds_the_tools_of_its_prefix_only():
    registry = Registry()
    for name in ("mail_send", "mail_read", "file_read"):
        registry.register(make(name))
    assert registry.namespace("mail_").names() == ("mail_send", "mail_read")
    assert len(registry) == 3


def test_declarations_and_wire_bytes_are_made_once_per_change():
    registry = Registry()
    registry.register(make("a"))
    first = registry.wire()
    assert registry.wire() is first
    assert registry.declarations() is registry.declarations()
    registry.register(make("b"))
    assert [row["name"] for row in json.loads(registry.wire())] == ["a", "b"]


def test_declare_all_reports_every_tool_that_cannot_be_declared():
    registry = Registry()

    def bad_one(callback: "threading.Lock") -> None: ...  # noqa: UP037

    def bad_two(module: type(json)) -> None: ...  # type: ignore[valid-type]

    registry.register(bad_one)
    registry.register(make("fine"))
    registry.register(bad_two)
    with pytest.raises(DeclarationError) as caught:
        registry.declare_all()
    assert "bad_two" in str(caught.value)


def test_readers_never_see_a_torn_view_while_one_thread_registers():
    registry = Registry()
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    stop = threading.Event()
    faults: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                names = registry.names()
                assert names == tuple(f"t{i}" for i in range(len(names)))
                if names:
                    registry.get(names[-1])
        except BaseException as fault:  # noqa: BLE001 - reported below
            faults.append(fault)

    readers = [threading.Thread(target=read) for _ in range(2)]
    try:
        for reader in readers:
            reader.start()
        for i in range(2_000):
            registry.register(make(f"t{i}"))
    finally:
        stop.set()
        for reader in readers:
            reader.join(60)
        sys.setswitchinterval(switch)
    assert not faults
    assert len(registry) == 2_000


def defined(source: str, *, file: str, module: str = "shop"):
    """The function ``search`` of a source text, as if it stood in ``file``."""
    space = {"__name__": module, "functools": functools}
    exec(compile(source, file, "exec"), space)  # noqa: S102 - our own text
    return space["search"]


SEARCH = "def search(x: int) -> int:\n    return x\n"


def test_two_functions_of_one_name_in_one_file_are_told_with_both_lines():
    registry = Registry()
    registry.register(defined(SEARCH, file="shop.py"))
    registry.register(defined("\n" * 8 + SEARCH, file="shop.py"))
    (one,) = registry.replaced()
    assert (one.name, one.file, one.line, one.by_line) == ("search", "shop.py", 1, 9)
    assert repr(one) == "Replacement('search', file='shop.py', line=1, by_line=9)"


def test_a_reload_and_a_notebooks_next_cell_replace_without_being_told():
    registry = Registry()
    for file in ("shop.py", "shop.py", "cell-2.py"):
        registry.register(defined(SEARCH, file=file))
    registry.register(Shelf())
    registry.register(Shelf())
    assert registry.replaced() == ()


class Shelf:
    """A callable without code of its own."""

    def __init__(self) -> None:
        self.__qualname__ = self.__name__ = "shelf"

    def __call__(self, x: int) -> int:
        return x


def test_what_was_replaced_goes_with_snapshots_namespaces_and_removal():
    registry = Registry()
    before = registry.snapshot()
    registry.register(defined(SEARCH, file="shop.py"))
    registry.register(defined("\n" + SEARCH, file="shop.py"))
    after = registry.snapshot()
    assert len(registry.namespace("sea").replaced()) == 1
    assert registry.namespace("x").replaced() == ()
    registry.restore(before)
    assert registry.replaced() == ()
    registry.restore(after)
    registry.remove("search")
    assert registry.replaced() == ()


WRAPPED = """
def logged(fn):
    @functools.wraps(fn)
    def run(*args):
        return fn(*args)
    return run

@logged
def search(x: int) -> int:
    return x
"""


def test_wrapped_functions_are_told_apart_by_where_they_stand_themselves():
    registry = Registry()
    registry.register(defined(WRAPPED, file="shop.py"))
    registry.register(defined(WRAPPED + WRAPPED, file="shop.py"))
    (one,) = registry.replaced()
    assert (one.line, one.by_line) == (8, 18)
    with pytest.raises(RegistryError, match=r"shop.py:18, the other at garden.py:8"):
        registry.register(defined(WRAPPED, file="garden.py", module="garden"))


def test_a_registry_of_one_counts_in_the_singular():
    registry = Registry()
    assert repr(registry) == "<Registry of 0 tools>"
    registry.register(make("a"))
    assert repr(registry) == "<Registry of 1 tool>"
