"""The golden frames and the specification say what the code does, so that other languages can too."""

from __future__ import annotations

import json
import re
from hashlib import sha256

import pytest

pytest.importorskip("msgpack")

from altar.adm import ToolContract, canonical_bytes  # noqa: E402
from altar_extras.grid import wire  # noqa: E402 - the library above may be missing
from altar_extras.grid.wire import Malformed, Unknown  # noqa: E402
from tests.gates._source import ROOT  # noqa: E402
from tests.wire.golden import FRAMES, GOOD, TOKENS, kinds, rows_of  # noqa: E402
from tests.wire.make import documents  # noqa: E402

MESSAGES = json.loads((FRAMES / "messages.json").read_text("utf-8"))
CONTRACTS = json.loads((FRAMES / "contracts.json").read_text("utf-8"))
BROKEN = json.loads((FRAMES / "bad.json").read_text("utf-8"))
PAGE = (ROOT / "docs" / "grid" / "wire.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| [^|]*\|$", re.MULTILINE)


def test_the_files_are_what_make_writes():
    there = {path.name: json.loads(path.read_text("utf-8")) for path in FRAMES.iterdir()}
    assert documents() == there, (
        "type python -m tests.wire.make, and look at what changed: other languages rely on it"
    )


@pytest.mark.parametrize("frame", MESSAGES, ids=lambda frame: frame["name"])
def test_a_golden_frame_is_read_and_written_byte_for_byte(frame):
    body = bytes.fromhex(frame["hex"])
    assert wire.unpack(body) == [GOOD[frame["name"]]]
    assert wire.pack(GOOD[frame["name"]]) == body
    assert wire.unpack(json.dumps(frame["message"]).encode()) == [GOOD[frame["name"]]]


@pytest.mark.parametrize("frame", BROKEN, ids=lambda frame: frame["name"])
def test_a_bad_frame_is_refused_for_its_reason(frame):
    body = bytes.fromhex(frame["hex"])
    if frame["fate"] == "frame":
        with pytest.raises(wire.FrameError):
            wire.unpack(body)
        return
    (found,) = wire.unpack(body)
    if frame["fate"] == "unknown":
        assert found == Unknown(type=frame["reason"], id="x1")
    else:
        assert isinstance(found, Malformed)
        assert frame["reason"] in found.reason


def test_names_are_encoded_in_subjects_as_the_table_says():
    for name, token in TOKENS.items():
        assert wire.encode_token(name) == token
        assert wire.decode_token(token) == name


@pytest.mark.parametrize("golden", CONTRACTS, ids=lambda golden: golden["name"])
def test_a_contracts_digest_is_that_of_its_adm_form_in_canonical_json(golden):
    canonical = golden["canonical"]
    assert golden["digest"] == "sha256:" + sha256(canonical.encode()).hexdigest()
    for written in (golden["contract"], json.loads(canonical)):
        contract = ToolContract.from_dict(written)
        assert canonical_bytes(contract.to_dict()).decode() == canonical
        assert contract.digest == golden["digest"]


def test_every_message_has_a_golden_frame():
    assert {message.TYPE for message in GOOD.values()} == set(kinds())


@pytest.mark.parametrize("name", sorted(kinds()))
def test_the_page_tells_every_field_of_a_message_as_the_code_reads_it(name):
    found = re.search(rf"^#### {name}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/grid/wire.md has no heading {name}"
    told = [tuple(cell.strip() for cell in row) for row in ROW.findall(found[1])]
    assert told == rows_of(kinds()[name]), "python -m tests.wire.make tables prints what is true"


def test_the_page_tells_of_no_message_that_is_not_there():
    assert sorted(re.findall(r"^#### (\w+)$", PAGE, re.MULTILINE)) == sorted(kinds())


def test_the_page_and_the_code_give_each_reason_the_same_type_of_error():
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([A-Z_]+) \| [a-z ,]+ \| ", PAGE, re.M)
    told = {name: kind for names, kind in rows for name in re.findall(r"`(\w+)`", names)}
    own = re.search(r"Reasons of a client's own: (.*?), and, ", PAGE)[1]
    for names, kind in re.findall(r"((?:`\w+`(?:, )?)+) \(([A-Z_]+)\)", own):
        told |= dict.fromkeys(re.findall(r"`(\w+)`", names), kind)
    assert told == {reason: str(kind) for reason, kind in wire.REASONS.items()}
    assert wire.Fault.of("no_tool", "Nobody has it.").type == "TOOL_NOT_FOUND"


def test_no_part_of_the_grid_gives_a_reason_a_type_of_its_own():
    other: list[str] = []
    for path in (ROOT / "src" / "altar_extras" / "grid").rglob("*.py"):
        text = path.read_text("utf-8")
        for kind, reason in re.findall(r'type=(?:ErrorType\.|")(\w+)"?,\s*reason="(\w+)"', text):
            if wire.REASONS.get(reason, kind) != kind:
                other.append(f"{path.name}: {reason} as {kind}")
    assert other == []
