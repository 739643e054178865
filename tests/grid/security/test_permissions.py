"""Permissions: never empty, never another's, and what each role gets."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cryptography")

from altar.errors import ConfigurationError  # noqa: E402
from altar_extras.grid.security import (  # noqa: E402
    BOOTSTRAP_OPS,
    CLIENT_OPS,
    MAX_TOOLS,
    OPERATOR_OPS,
    RUNTIME_OPS,
    Permissions,
    bootstrap_permissions,
    permissions_of_client,
    permissions_of_operator,
    permissions_of_runtime,
)

OWN = st.from_regex(r"\A[a-z0-9_-]{1,20}\Z")
TOOLS = st.lists(
    st.tuples(st.text("aZ_%.*> é", min_size=1, max_size=6), st.integers(0, 3)), min_size=1
)
TOOLS = TOOLS.filter(lambda tools: "*" not in [name for name, _ in tools])
WORDS = st.sampled_from(
    ["grid", "v1", "call", "rt", "re", "host", "admin", "cancel", "add", "1", "me", "you", "*", ">"]
)
SUBJECTS = st.lists(WORDS, min_size=1, max_size=8).map(".".join)


def every(own: str, tools):
    yield permissions_of_client(own, tools)
    yield permissions_of_runtime(own, tools)
    yield bootstrap_permissions(own)
    yield permissions_of_operator(own)


@given(OWN, TOOLS)
def test_no_list_is_empty_and_nothing_is_heard_but_what_is_one_s_own(own, tools):
    for found in every(own, tools):
        nats = found.to_nats()
        assert set(nats) == {"pub", "sub"}  # no allow_responses
        assert nats["pub"]["allow"]
        assert nats["sub"]["allow"]
        heard = [*found.subscribe, *(subject for subject, _ in found.queue_only)]
        for subject in heard:
            kind = subject.split(".")[2]
            assert kind in {"re", "call", "rt"}
            if kind == "re":
                assert subject == f"grid.v1.re.{own}.>"
            if kind == "rt":
                assert subject.startswith(f"grid.v1.rt.{own}.")
        assert {queue for _, queue in found.queue_only} <= {"rt"}
        for subject in (*found.publish, *heard):
            assert " " not in subject
            assert subject.isascii()


@given(OWN, TOOLS)
def test_a_client_says_nothing_without_its_own_session_at_the_end(own, tools):
    for found in (permissions_of_client(own, tools), permissions_of_client(own, "*")):
        assert all(subject.endswith(f".{own}") for subject in found.publish)
        assert not any(
            ".admin." in subject and subject.count(".") == 5 for subject in found.publish
        )


@given(SUBJECTS, st.sampled_from(["", "rt", "other"]))
def test_what_a_client_may_hear_or_say_never_is_another_s(subject, queue):
    found = permissions_of_client("me", "*")
    if found.may_subscribe(subject, queue):
        assert subject.startswith("grid.v1.re.me.")
    if found.may_publish(subject) and "*" not in subject and ">" not in subject:
        assert subject.endswith(".me")
    runtime = permissions_of_runtime("me", [("add", 1)])
    if runtime.may_subscribe(subject, queue):
        own = subject.startswith(("grid.v1.re.me.", "grid.v1.rt.me."))
        assert own or (queue == "rt" and subject.startswith("grid.v1.call.add.1."))


@pytest.mark.parametrize("own", ["", "*", ">", "a.b", "a b", "A", "x" * 65, "é"])
def test_what_is_no_id_gets_no_permissions(own):
    for make in (
        lambda: permissions_of_client(own, "*"),
        lambda: permissions_of_runtime(own, "*"),
        lambda: bootstrap_permissions(own),
        lambda: permissions_of_operator(own),
    ):
        with pytest.raises(ConfigurationError, match="no id"):
            make()


@pytest.mark.parametrize(
    "tools",
    [
        [],
        [("*", 1)],
        [("a", -1)],
        [("a", "1.>")],
        [("a", True)],
        [(f"t{n}", 1) for n in range(MAX_TOOLS + 1)],
    ],
)
def test_no_tool_too_many_and_wildcards_are_refused(tools):
    for make in (permissions_of_client, permissions_of_runtime):
        with pytest.raises(ConfigurationError):
            make("me", tools)


@pytest.mark.parametrize(
    ("publish", "subscribe", "queues"),
    [
        ((), ("grid.v1.re.a.>",), ()),
        (("grid.v1.host.hello.a",), (), ()),
        (("grid.v1.host.hello.a",), (), (("grid.v1.call.add.1.*", "rt"),)),
        (("grid.v1.host.hello.a",), ("grid.v1.re.>",), ()),
        (("grid.v1.host.hello.a",), ("grid.v1.re.*.>",), ()),
        (("grid.v1.host.hello.a",), ("grid.v1.re.a",), ()),
        (("grid.v1.host.hello.a",), ("grid.v1.*.a.>",), ()),
        (("grid.v1.host.hello.a",), ("grid.v1.>",), ()),
        (("grid.v1.host.hello.a",), (">",), ()),
        (("grid.v1.host.hello.a",), ("$SYS.>",), ()),
        (("grid.v1.host.hello.a",), ("grid.v1.re.a.>",), (("grid.v1.re.>", "rt"),)),
        (("grid.v1.host.hello.a",), ("grid.v1.re.a.>",), (("grid.v1.call.a.1.*", "rt x"),)),
        (("grid.v1.host.hello.a",), ("grid.v1.call.add.1.*",), ()),
        ((">",), ("grid.v1.re.a.>",), ()),
        (("$JS.API.>",), ("grid.v1.re.a.>",), ()),
        (("grid.v1.host.hello.a b",), ("grid.v1.re.a.>",), ()),
    ],
)
def test_permissions_that_are_unsafe_cannot_be_made(publish, subscribe, queues):
    with pytest.raises(ConfigurationError):
        Permissions(publish=publish, subscribe=subscribe, queue_only=queues)


def test_the_operations_are_those_of_the_wire_and_each_is_somebody_s():
    wire = pytest.importorskip("altar_extras.grid.wire")
    known = {"health"}  # asked with a Hello
    for name in wire.__all__:
        with contextlib.suppress(KeyError, TypeError):
            known.add(wire.op_of(getattr(wire, name)))
    assert {*BOOTSTRAP_OPS, *CLIENT_OPS, *RUNTIME_OPS, *OPERATOR_OPS} == known
