"""A tool that needs a person's yes runs with it, and never without."""

from __future__ import annotations

import asyncio

import pytest

import altar
from altar.adm import FunctionCall, FunctionDeclaration
from altar.errors import ConfigurationError, DeclarationError, ErrorType, ToolError
from altar.later import LocalRuntime, SchemaTool, ToolOptions
from altar.runtime import CallContext

ran: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


def guarded():
    """Tools of every kind; local ones, which no registry notes."""

    @altar.tool(approval=True)
    def drop(path: str) -> str:
        """Delete a file."""
        ran.append(path)
        return f"deleted {path}"

    @altar.tool(approval=True)
    async def adrop(path: str) -> str:
        """Delete a file, later."""
        return drop(path)

    @altar.tool(approval=True)
    def pieces(path: str):
        """Delete a file in pieces."""
        yield drop(path)

    @altar.tool(approval=True)
    async def apieces(path: str):
        """Delete a file in pieces, later."""
        yield drop(path)

    return [drop, adrop, pieces, apieces]


GUARDED = guarded()
NAMES = [fn.__name__ for fn in GUARDED]
ARGS = {"path": "a"}
drop = GUARDED[0]


@pytest.fixture
def session():
    with altar.Session(tools=GUARDED) as made:
        yield made


def refused(result):
    assert result.error is not None, result
    assert result.error.type == ErrorType.APPROVAL_REQUIRED
    assert result.error.message
    assert result.error.remediation_steps
    assert result.error.retry_allowed is False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_a_call_without_approval_is_refused_and_the_body_does_not_run(session, name):
    assert refused(session.execute(name, ARGS))
    assert refused(asyncio.run(session.aexecute(name, ARGS)))
    assert refused(session.invoke(FunctionCall(name=name, args=ARGS), CallContext()))
    assert ran == []


@pytest.mark.parametrize("name", NAMES)
def test_an_approved_call_runs(session, name):
    assert session.execute(name, ARGS, approved=True).content == "deleted a"
    assert asyncio.run(session.aexecute(name, ARGS, approved=True)).content == "deleted a"
    call = FunctionCall(name=name, args=ARGS)
    assert session.invoke(call, CallContext(approved=True)).content == "deleted a"
    assert ran == ["a"] * 3


def test_no_fast_lane_is_laid_however_often_it_was_approved(session):
    for _ in range(40):
        session.execute("drop", ARGS, approved=True)
        asyncio.run(session.aexecute("adrop", ARGS, approved=True))
    ran.clear()
    assert refused(session.execute("drop", ARGS))
    assert refused(asyncio.run(session.aexecute("adrop", ARGS)))
    assert ran == []


@pytest.mark.parametrize("yes", [1, "yes", "no", None])
def test_only_true_is_a_yes(session, yes):
    with pytest.raises(ConfigurationError, match="approved="):
        session.execute("drop", ARGS, approved=yes)
    assert refused(session.invoke(FunctionCall(name="drop", args=ARGS), CallContext(approved=yes)))
    assert ran == []


def test_a_person_is_asked_only_about_calls_that_would_run(session):
    wrong = session.execute("drop", {"paht": "a"})
    assert wrong.error.type == ErrorType.PARAMETER_VALIDATION_FAILED


def test_a_refused_call_may_be_sent_again_under_its_id(session):
    assert refused(session.execute("drop", ARGS, call_id="d-1"))
    assert session.execute("drop", ARGS, call_id="d-1", approved=True).content == "deleted a"
    assert session.execute("drop", ARGS, call_id="d-1", approved=True).content == "deleted a"
    assert ran == ["a"]


def test_a_tool_may_decide_by_its_arguments_whether_it_needs_a_person():
    def pay(amount: int, context: altar.Context) -> int:
        if amount > 100 and not context.approved:
            raise ToolError("more than 100 needs a person", type=ErrorType.APPROVAL_REQUIRED)
        ran.append(amount)
        return amount

    with altar.Session(tools=[pay]) as session:
        assert session.execute("pay", {"amount": 5}).content == 5
        large = session.execute("pay", {"amount": 500}, call_id="p-1")
        assert large.error.type == ErrorType.APPROVAL_REQUIRED
        paid = session.execute("pay", {"amount": 500}, call_id="p-1", approved=True)
        assert paid.content == 500
    assert ran == [5, 500]


def test_a_wrapper_may_say_yes_for_a_person():
    class Small:
        def __init__(self, inner):
            self.inner = inner

        def invoke(self, call, ctx):
            return self.inner.invoke(call, ctx.replace(approved=call.args["path"] == "a"))

        async def ainvoke(self, call, ctx):
            return await self.inner.ainvoke(call, ctx.replace(approved=call.args["path"] == "a"))

    with altar.Session(tools=[drop], runtime=Small) as session:
        assert session.execute("drop", {"path": "a"}).ok
        assert refused(session.execute("drop", {"path": "b"}))


def test_a_bare_runtime_asks_too():
    call = FunctionCall(name="drop", args=ARGS)
    assert refused(LocalRuntime([drop]).invoke(call, CallContext()))


def test_a_context_keeps_its_approval_until_it_is_told_otherwise():
    context = CallContext(approved=True)
    assert CallContext().approved is False
    assert context.replace(attempt=2).approved is True
    assert context.replace(approved=False).approved is False


def test_the_declaration_says_so_and_keeps_it_on_a_round_trip():
    declaration = altar.declare(drop)
    document = declaration.to_dict()
    assert document["x_requires_approval"] is True
    assert FunctionDeclaration.from_dict(document) == declaration
    assert document["x_returns"]
    assert "x_requires_approval" not in declaration.to_dict(dialect="json-schema")
    assert "x_requires_approval" not in altar.declare(guarded).to_dict()


@pytest.mark.parametrize("said", ["declaration", "options"])
def test_a_tool_of_a_schema_needs_it_where_declaration_or_options_say_so(said):
    fields = {"x_requires_approval": True} if said == "declaration" else None
    declaration = FunctionDeclaration(
        name="wipe", description="Wipe.", parameters={"type": "object"}, extensions=fields
    )
    options = ToolOptions(idempotent=True, approval=said == "options")
    made = SchemaTool(declaration, lambda args: ran.append(args), options=options)
    with altar.Session(tools=[made]) as session:
        assert session.declarations()[0].to_dict()["x_requires_approval"] is True
        assert refused(session.execute("wipe", {}))
        assert session.execute("wipe", {}, approved=True).ok
    assert made.options.idempotent
    assert ran == [{}]


def test_an_option_that_is_no_bool_is_refused():
    with pytest.raises(DeclarationError, match="approval="):
        altar.tool(approval="always")
