"""The official JSON Schema test suite, draft 2020-12: the required part whole, formats beside it."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from altar.adm._check import Checker
from altar.adm._schema import Schema

specifications = pytest.importorskip(
    "jsonschema_specifications", reason="the metaschema comes with the jsonschema library"
)

HERE = Path(__file__).resolve()
CORPUS = Path(os.environ.get("ALTAR_CORPUS") or HERE.parents[2].parent / "shared" / "corpus")
SUITE = CORPUS / "json_schema_suite"
TESTS = SUITE / "tests" / "draft2020-12"
REQUIRED = sorted(TESTS.glob("*.json"))
OPTIONAL = sorted((TESTS / "optional").glob("*.json"))
FORMATS = sorted((TESTS / "optional" / "format").glob("*.json"))

NOT_OURS = {
    "dependencies-compatibility.json": "an older draft's keyword: reported, not applied",
    "format-assertion.json": "altar's own option asserts formats, no metaschema",
    "cross-draft.json": "other drafts are not read",
}
FORMATS_NOT_OURS = {
    "idn-email.json": "not among altar's formats",
    "idn-hostname.json": "not among altar's formats",
}
FORMAT_EXCEPTIONS = {
    "fractional duration is not allowed by RFC 3339 ABNF",  # ISO 8601 and timedelta have them
    "a variable-width lookbehind (ES2018)",  # Python's re cannot run it, so it is refused
}
PUNYCODE = "validation of A-label (punycode) host names"  # needs IDNA's tables

pytestmark = pytest.mark.skipif(not REQUIRED, reason=f"no JSON Schema test suite at {SUITE}")


@cache
def remote_documents() -> dict[str, Any]:
    """The suite's remote documents, and the metaschema with its vocabularies."""
    remotes = SUITE / "remotes"
    out = {
        f"http://localhost:1234/{path.relative_to(remotes).as_posix()}": json.loads(
            path.read_text("utf-8")
        )
        for path in remotes.rglob("*.json")
    }
    registry = specifications.REGISTRY
    return out | {uri: registry.contents(uri) for uri in registry if "2020-12" in uri}


def cases(path: Path) -> list[tuple[str, Any, Any, bool]]:
    return [
        (f"{group['description']}: {test['description']}", group["schema"], test["data"],
         test["valid"])
        for group in json.loads(path.read_text("utf-8"))
        for test in group["tests"]
    ]  # fmt: skip


def wrong(path: Path, *, formats: bool = False) -> list[str]:
    """The names of the cases of a file on which altar's verdict is not the suite's."""
    out = []
    for name, schema, data, valid in cases(path):
        document = Schema.from_dict(schema).document
        checker = Checker(document, resources=remote_documents(), formats=formats)
        if checker.ok(data) is not valid or (checker.check(data) == ()) is not valid:
            out.append(name)
    return out


def test_the_required_part_is_all_there() -> None:
    """Nothing of the required part is left out: 1,299 cases, none skipped."""
    assert sum(len(cases(path)) for path in REQUIRED) == 1299


@pytest.mark.parametrize("path", REQUIRED, ids=lambda path: path.name)
def test_required_part(path: Path) -> None:
    """Every case of the required part is judged as the suite says."""
    assert wrong(path) == []


@pytest.mark.parametrize("path", OPTIONAL, ids=lambda path: path.name)
def test_optional_part(path: Path) -> None:
    """Every case of the optional part is judged as the suite says, named files aside."""
    if path.name in NOT_OURS:
        pytest.skip(NOT_OURS[path.name])
    assert wrong(path) == []


@pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.name)
def test_asserted_formats(path: Path) -> None:
    """Every case about a format altar knows is judged as the suite says, named cases aside."""
    if path.name in FORMATS_NOT_OURS:
        pytest.skip(FORMATS_NOT_OURS[path.name])
    missed = {
        name
        for name in wrong(path, formats=True)
        if not name.startswith(PUNYCODE) and name.partition(": ")[2] not in FORMAT_EXCEPTIONS
    }
    assert missed <= {'validation of host names: contains "--" in the 3rd and 4th position'}
