"""The published function-calling corpus (PyPI ``bfcl-eval``) against declarations and checks.

The wheel is downloaded once, without its dependencies, into a cache folder
(``ALTAR_BFCL_CACHE``, else one in the system's temporary folder); without a
package index the tests are skipped.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from altar.adm import FunctionDeclaration, adopt, is_name

jsonschema = pytest.importorskip("jsonschema")

WHEEL = "bfcl-eval==2026.3.23"
DATA = "bfcl_eval/data/"
ABSENT = object()


@pytest.fixture(scope="module")
def wheel():
    """The corpus as an open zip file."""
    cache = Path(os.environ.get("ALTAR_BFCL_CACHE") or Path(tempfile.gettempdir()) / "altar-bfcl")
    found = sorted(cache.glob("bfcl_eval-*.whl"))
    if not found:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as draft:
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "--retries", "1"]
            command += ["--timeout", "10", "--disable-pip-version-check", "-d", draft, WHEEL]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, check=False, timeout=120
                )
                why = done.stderr
            except subprocess.TimeoutExpired as error:
                why = str(error)
            for made in Path(draft).glob("*.whl"):
                made.replace(cache / made.name)
        found = sorted(cache.glob("bfcl_eval-*.whl"))
        if not found:
            pytest.skip(f"{WHEEL} cannot be downloaded: {why.strip()[-200:]}")
    with zipfile.ZipFile(found[-1]) as archive:
        yield archive


def records(wheel, name):
    for line in wheel.read(name).decode().splitlines():
        if line.strip():
            yield json.loads(line)


def functions_of(record):
    listed = record.get("function", record if "parameters" in record else [])
    listed = listed if isinstance(listed, list) else [listed]
    return [document for document in listed if isinstance(document, dict)]


@pytest.fixture(scope="module")
def groups(wheel):
    """Record id -> {name as written: (document, adopted)}; names are unique within a record."""
    made = {}
    for name in wheel.namelist():
        folder = name.startswith((DATA + "BFCL", DATA + "multi_turn_func_doc/"))
        unused = name.startswith(DATA + "unused_datasets/question/")
        if not name.endswith(".json") or not (folder or unused) or "format_sens" in name:
            continue
        for at, record in enumerate(records(wheel, name)):
            taken = set()
            group = made.setdefault(f"{name}:{record.get('id', at)}", {})
            for document in functions_of(record):
                adopted = adopt(document, taken=taken)
                taken.add(adopted.declaration.name)
                group[document["name"]] = (document, adopted)
    return made


def test_every_function_document_loads_as_a_declaration_and_every_change_is_told(groups):
    documents = [pair for group in groups.values() for pair in group.values()]
    assert len(documents) > 9000
    words = set()
    for document, (declaration, changes) in documents:
        paths = {change.path: change for change in changes}
        assert is_name(declaration.name)
        assert (declaration.name == document["name"]) == ("$.name" not in paths)
        foreign = {kind for kind in type_words(document["parameters"])}
        told = {change.before for change in changes if change.path.endswith(".type")}
        assert {word for word in foreign if word not in KNOWN} <= told
        words |= told
        # what was adopted needs no second adoption, and reads back the same
        again = FunctionDeclaration.from_dict(declaration.to_dict())
        assert again == declaration
    assert {"dict", "float", "tuple", "any", "String"} <= words


KNOWN = {"string", "number", "integer", "boolean", "array", "object"}


def type_words(schema):
    yield schema.get("type", "object")
    for inner in (schema.get("properties") or {}).values():
        yield from type_words(inner)
    if isinstance(schema.get("items"), dict):
        yield from type_words(schema["items"])


@pytest.fixture(scope="module")
def calls(wheel, groups):
    """Every ground-truth call with its declaration: (declaration, arguments)."""
    by_id = {key.rpartition(":")[2]: group for key, group in groups.items()}
    shared = {}
    for key, group in groups.items():
        if "multi_turn_func_doc" in key:
            shared.update(group)
    made = []
    for name in wheel.namelist():
        if "possible_answer/" not in name or not name.endswith(".json"):
            continue
        for record in records(wheel, name):
            known = by_id.get(record.get("id"), {}) or shared
            for called, args in truths(record.get("ground_truth"), known):
                made.append((known[called][1].declaration, args))
    return made


def truths(truth, known):
    """(name, arguments) of each call of a ground truth whose function is known."""
    if isinstance(truth, list):
        for item in truth:
            yield from truths(item, known)
    elif isinstance(truth, dict):
        for name, options in truth.items():
            if name in known and isinstance(options, dict):
                yield name, resolve(options)
    elif isinstance(truth, str):
        yield from written_calls(truth, known)


def resolve(value):
    """The first listed choice of every argument; an empty text stands for leaving it out."""
    if isinstance(value, dict):
        picked = {name: choose(options) for name, options in value.items()}
        return {name: item for name, item in picked.items() if item is not ABSENT}
    return [resolve(item) for item in value] if isinstance(value, list) else value


def choose(options):
    if not isinstance(options, list):
        return resolve(options)
    left = [option for option in options if option != ""]
    return resolve(left[0]) if left else ABSENT


def written_calls(text, known):
    """``f(a=1)`` as the corpus writes calls in Python."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return
    if not isinstance(tree, ast.Call):
        return
    name = ast.unparse(tree.func)
    if name not in known:
        return
    try:
        args = {item.arg: ast.literal_eval(item.value) for item in tree.keywords if item.arg}
        places = list(known[name][0]["parameters"].get("properties", {}))
        args.update(zip(places, [ast.literal_eval(item) for item in tree.args], strict=False))
    except ValueError:
        return
    yield name, json.loads(json.dumps(args))


def oracle(declaration):
    """An independent validator of the same schema, closed as calls are."""
    schema = declaration.to_dict("json-schema")["parameters"]
    if "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    return jsonschema.Draft202012Validator(schema)


def test_a_ground_truth_call_is_accepted_exactly_when_it_satisfies_its_own_schema(calls):
    accepted = 0
    for declaration, args in calls:
        expected = oracle(declaration).is_valid(args)
        problems = declaration.check_args(args)
        assert (not problems) == expected, (declaration.name, args, problems)
        accepted += expected
    assert accepted > 3000
    assert accepted / len(calls) > 0.9


WRONG = {
    "string": 7,
    "number": "seven",
    "integer": 7.5,
    "boolean": "yes, please",
    "array": {"not": "an array"},
    "object": ["not", "an", "object"],
}


def mutants(schema, args, path="$"):
    """(arguments with one fault, where, the keyword broken) for every place of a call."""
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name in args:
            left = {key: value for key, value in args.items() if key != name}
            yield left, f"{path}.{name}", "required"
    for name, value in args.items():
        inner = properties.get(name)
        if not isinstance(inner, dict):
            continue
        at = f"{path}.{name}"
        for broken, where, keyword in value_mutants(inner, value, at):
            yield {**args, name: broken}, where, keyword


def value_mutants(schema, value, at):
    kind = schema.get("type")
    if kind in WRONG:
        yield WRONG[kind], at, "type"
    if "enum" in schema and kind == "string":
        yield "no such choice", at, "enum"
    if kind == "object" and isinstance(value, dict):
        yield from mutants(schema, value, at)
    if kind == "array" and isinstance(value, list) and isinstance(schema.get("items"), dict):
        for place, item in enumerate(value[:2]):
            for broken, where, keyword in value_mutants(schema["items"], item, f"{at}[{place}]"):
                yield [*value[:place], broken, *value[place + 1 :]], where, keyword


def quoted(path):
    """Names that are no identifiers stand in brackets; the corpus has a few."""
    return path.replace("['", ".").replace("']", "")


def test_every_mutant_with_a_single_fault_is_refused_with_the_right_path(calls):
    count = 0
    for declaration, args in calls:
        if declaration.check_args(args):
            continue
        schema = declaration.parameters.document
        unknown = {**args, "no_such_argument": 1}
        for mutant, where, keyword in [
            *mutants(schema, args),
            (unknown, "$.no_such_argument", "additionalProperties"),
        ]:
            problems = declaration.check_args(mutant)
            found = [(quoted(problem.path), problem.keyword) for problem in problems]
            assert (where, keyword) in found, (declaration.name, mutant, found)
            assert {path for path, _ in found} == {where}, (declaration.name, mutant, found)
            count += 1
    assert count > 20_000
