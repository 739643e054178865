"""A request is made to fit its model: what can be left out is, and told; the rest is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altar.adm import FunctionDeclaration, ToolConfig
from altar.errors import UnsupportedError
from altar.llm import (
    BlobPart,
    Capabilities,
    Message,
    Opaque,
    Origin,
    Request,
    Sampling,
    Text,
    Travel,
    fitted,
    lacking,
    own_settings,
    takes_blob,
)
from altar.testing import ScriptedProvider

TOOL = FunctionDeclaration.from_dict(
    {"name": "f", "description": "d", "parameters": {"type": "OBJECT", "properties": {}}}
)
ASKED = Request(
    model="script",
    messages=(Message.user("hi"),),
    instructions=None,
    tools=(),
    tool_choice=None,
    output=None,
    sampling=Sampling(),
    settings={},
)


def model(**can: object) -> ScriptedProvider:
    provider = ScriptedProvider([])
    provider.capabilities = Capabilities(**can)  # type: ignore[arg-type]
    return provider


@pytest.mark.parametrize(
    ("can", "request_", "missing"),
    [
        ({}, ASKED, []),
        ({"tools": False}, replace(ASKED, tools=(TOOL,)), ["tools"]),
        ({"max_tools": 1}, replace(ASKED, tools=(TOOL, TOOL)), ["more than 1 tools"]),
        (
            {"tool_choice": False},
            replace(ASKED, tools=(TOOL,), tool_choice=ToolConfig(mode="ANY")),
            ["tool_choice"],
        ),
        (
            {"blobs": ("image/*",)},
            replace(ASKED, messages=(Message("user", (BlobPart("audio/wav", b"x"),)),)),
            ["audio/wav in the prompt"],
        ),
        (
            {"blobs": ()},
            replace(
                ASKED,
                messages=(Message("user", (BlobPart("audio/wav", b"x"),)), Message.assistant("a")),
            ),
            [],
        ),
    ],
)
def test_what_a_model_lacks_for_a_request_is_named(can, request_, missing):
    provider = model(**can)
    assert lacking(request_, provider.capabilities) == missing
    if missing:
        with pytest.raises(UnsupportedError, match=missing[0]):
            fitted(request_, provider)
    else:
        assert fitted(request_, provider) == (request_, ())


def test_sampling_a_model_does_not_take_is_left_out_and_told():
    provider = model(sampling=frozenset({"max_tokens"}))
    asked = replace(ASKED, sampling=Sampling(max_tokens=5, temperature=0.0, stop=("END",), seed=0))
    request, notes = fitted(asked, provider)
    assert request.sampling == Sampling(max_tokens=5)
    assert sorted(note.what for note in notes) == [
        "sampling.seed",
        "sampling.stop",
        "sampling.temperature",
    ]


def test_strict_sampling_is_refused_with_the_names_of_the_knobs():
    provider = model(sampling=frozenset())
    asked = replace(ASKED, sampling=Sampling(temperature=0.5, top_k=3, strict=True))
    with pytest.raises(UnsupportedError, match=r"sampling\.temperature, sampling\.top_k"):
        fitted(asked, provider)


@pytest.mark.parametrize(
    ("listed", "mime", "taken"),
    [
        (("*/*",), "image/png", True),
        (("image/*",), "image/png", True),
        (("image/png",), "image/png", True),
        (("image/*",), "audio/wav", False),
        ((), "image/png", False),
    ],
)
def test_a_blob_is_taken_by_its_kind(listed, mime, taken):
    assert takes_blob(Capabilities(blobs=listed), mime) is taken


def family(name: str) -> str:
    return name.partition("-")[0]


def test_opaque_data_goes_home_and_nowhere_else():
    mark = Opaque(provider="p", api="a", kind="signature", data="s")
    home = Message("assistant", (Text("x"),), origin=Origin(provider="p", api="a", model="m-1"))
    travel = Travel("p", "a", model="m-2", family=family)
    assert travel.is_home(home)
    assert travel.own((mark,), "signature", home=True) == "s"
    assert travel.own((mark,), "other", home=True) is None
    assert travel.own((mark,), "signature", home=False) is None
    for other in (
        Travel("q", "a", model="m-2", family=family),
        Travel("p", "b", model="m-2", family=family),
        Travel("p", "a", model="n-1", family=family),
    ):
        assert not other.is_home(home)
    assert Travel("q", "a", model="m").own((mark,), "signature") is None
    assert not travel.is_home(Message.assistant("no origin"))


def test_what_is_dropped_is_told_once_for_each_kind():
    travel = Travel("p", "a", model="m")
    travel.drop("thinking", "another model's thoughts are not sent")
    travel.drop("thinking", "another model's thoughts are not sent")
    travel.drop("blob", "not read by p")
    told = {note.what: note.why for note in travel.adaptations}
    assert told["thinking"].endswith("(2 times)")
    assert told["blob"] == "not read by p"


def test_settings_go_to_the_provider_they_name():
    asked = replace(ASKED, settings={"p": {"x": 1}, "q": {"y": 2}})
    assert own_settings(asked, "p") == {"x": 1}
    assert own_settings(asked, "r") == {}
