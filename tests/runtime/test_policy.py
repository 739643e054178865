"""Policy: a small value, checked when it is made, merged level by level, read from a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.adm import FunctionCall
from altar.errors import ConfigurationError
from altar.resilience import CircuitBreaker, RetryPolicy
from altar.runtime import BreakerSettings, CacheSettings, CallContext, Policy
from altar.runtime._keyed import MAX_KEYS
from altar.runtime._policy import FIELDS
from altar.runtime._policy_parts import rate_of
from altar.runtime._policy_table import read_policy

VALUES = {
    "timeout": st.sampled_from([None, False, 0.5, 30]),
    "retry": st.sampled_from([None, False, 1, 3, RetryPolicy(attempts=2)]),
    "rate": st.sampled_from([None, False, 10, 0.5, "10/s", "100/min"]),
    "concurrency": st.sampled_from([None, False, 1, 8]),
    "breaker": st.sampled_from([None, False, 5, BreakerSettings(failures=2), CircuitBreaker()]),
    "cache": st.sampled_from([None, False, 60, CacheSettings(seconds=5)]),
}
policies = st.builds(Policy, **VALUES)


@given(policies, policies, policies)
def test_levels_merge_field_by_field_in_any_grouping(tool, session, process):
    merged = tool.over(session).over(process)
    assert merged == tool.over(session.over(process))
    for name in FIELDS:
        said = [getattr(level, name) for level in (tool, session, process)]
        assert getattr(merged, name) == next((v for v in said if v is not None), None)


def test_false_switches_off_what_the_next_level_says():
    assert Policy(timeout=False).over(Policy(timeout=30, retry=2)) == Policy(timeout=False, retry=2)
    assert Policy(retry=2).over(None) == Policy(retry=2)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"timeout": 0}, r"timeout=0\): give seconds above zero, or False.*type Policy\(timeout="),
        ({"timeout": True}, "seconds above zero"),
        ({"timeout": float("inf")}, "seconds above zero"),
        ({"timeout": "30"}, "seconds above zero"),
        ({"retry": 0}, r"1 or more, or a RetryPolicy, or False for none; type Policy\(retry=3\)"),
        ({"retry": 2.5}, "RetryPolicy"),
        ({"rate": "10"}, r'"10/s", "100/min"'),
        ({"rate": "10/fortnight"}, "100/min"),
        ({"rate": "-1/s"}, "100/min"),
        ({"rate": "nan/s"}, "100/min"),
        ({"concurrency": 1.0}, "1 or more"),
        ({"breaker": "5"}, "BreakerSettings or a CircuitBreaker"),
        ({"cache": -1}, "CacheSettings"),
    ],
)
def test_a_bad_value_is_answered_with_what_to_type(fields, said):
    with pytest.raises(ConfigurationError, match=said):
        Policy(**fields)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: BreakerSettings(failures=0), r"type BreakerSettings\(failures=5\)"),
        (lambda: BreakerSettings(wait=0), r"type BreakerSettings\(wait=30\)"),
        (lambda: CacheSettings(seconds=0), r"type CacheSettings\(seconds=60\)"),
        (lambda: CacheSettings(seconds=1, size=0), r"type CacheSettings\(size=256\)"),
    ],
)
def test_a_bad_setting_is_answered_with_what_to_type(made, said):
    with pytest.raises(ConfigurationError, match=said):
        made()


@pytest.mark.parametrize(
    ("told", "calls", "seconds"),
    [
        (10, 10, 1),
        (0.5, 0.5, 1),
        ("10/s", 10, 1),
        ("100/min", 100, 60),
        (" 1000 / h ", 1000, 3600),
        ("5/10s", 5, 10),
        ("1/2 days", None, None),
        ("2/Minute", 2, 60),
    ],
)
def test_a_rate_is_calls_in_a_span_of_time(told, calls, seconds):
    assert rate_of(told) == (None if calls is None else (calls, seconds))


@given(st.text(max_size=20))
def test_any_text_is_a_rate_or_none(text):
    found = rate_of(text)
    assert found is None or min(found) > 0


def test_a_policy_prints_what_it_says_alone():
    assert repr(Policy(retry=2, timeout=False)) == "Policy(timeout=False, retry=2)"


def test_a_table_is_read_with_tables_inside():
    table = {
        "timeout": 30,
        "rate": "10/s",
        "concurrency": False,
        "retry": {"attempts": 2, "max_delay": 5},
        "breaker": {"failures": 3},
        "cache": {"seconds": 9},
    }
    assert read_policy(table, "altar.toml") == Policy(
        timeout=30,
        rate="10/s",
        concurrency=False,
        retry=RetryPolicy(attempts=2, max_delay=5),
        breaker=BreakerSettings(failures=3),
        cache=CacheSettings(seconds=9),
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (3, r"policy in f must be a table, not 3; type \[policy\]"),
        ({"timout": 3}, "unknown 'timout'; allowed are timeout, .*; did you mean 'timeout'"),
        ({"xyz": 3}, "unknown 'xyz'; allowed are timeout, retry, rate, concurrency"),
        ({"timeout": 0}, "policy.timeout in f is 0: give seconds above zero.*; type timeout = 30"),
        ({"retry": {"attemps": 3}}, "policy.retry in f .*did you mean 'attempts'"),
        ({"retry": {"attempts": 0}}, "policy.retry in f: .*1 or more"),
        ({"timeout": {"seconds": 3}}, "policy.timeout in f"),
        (
            {"search": {"timeout": 3}},
            r"no field of a policy has that name .*type @tool\(policy=Policy\(timeout=30\)\)",
        ),
        ({"timeout": 10**400}, "policy.timeout in f"),
    ],
)
def test_a_bad_table_is_answered_with_the_key_and_what_to_type(table, said):
    with pytest.raises(ConfigurationError, match=said):
        read_policy(table, "f")


def test_a_policy_called_with_a_runtime_holds_for_each_name_and_for_no_endless_number():
    inner = Counting()
    runtime = Policy(rate="1/h", cache=60)(inner)
    assert repr(runtime) == "Cache(60 s) -> RateLimit(0.000277778/s) -> Counting()"
    assert runtime.invoke(FunctionCall(name="a"), CallContext()).ok
    assert runtime.invoke(FunctionCall(name="a"), CallContext()).ok  # from the cache
    assert not runtime.invoke(FunctionCall(name="a", args={"x": 1}), CallContext()).ok
    assert runtime.invoke(FunctionCall(name="b"), CallContext()).ok
    for number in range(MAX_KEYS + 10):
        runtime.invoke(FunctionCall(name=f"n{number}"), CallContext())
    assert len(runtime._stacks) == MAX_KEYS
    assert not runtime.invoke(FunctionCall(name="a", args={"x": 1}), CallContext()).ok


class Counting:
    """A runtime that answers with the number of calls so far."""

    def __init__(self):
        self.calls = 0

    def invoke(self, call, ctx):
        from altar.adm import ToolResult

        self.calls += 1
        return ToolResult(name=call.name, call_id=call.call_id, content=self.calls)

    async def ainvoke(self, call, ctx):
        return self.invoke(call, ctx)

    def __repr__(self):
        return "Counting()"
