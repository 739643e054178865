"""Problems without the values of secrets: what a schema says is one is never said again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from altar.adm._problem import Problem, json_steps
from altar.errors import DeclarationError
from altar.later._declare import declare_marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from altar.later._mark import Mark

__all__ = ["hushed", "hushed_by", "is_secret"]

_SHOWN: Final = frozenset({"string", "integer", "number"})  # kinds told with their value
_UNKNOWN: Final = frozenset({"additionalProperties", "unevaluatedProperties", "unknown"})
_BRANCHES: Final = ("anyOf", "oneOf", "allOf")
_MAX_NODES: Final = 1000


def hushed(problems: Sequence[Problem], mark: Mark) -> Sequence[Problem]:
    """The problems of a call of this tool, as a model may see them."""
    try:
        declaration = mark.declaration or declare_marks([mark])[0]
    except DeclarationError:  # it is called by signature alone, and says nothing of secrets
        return problems
    return hushed_by(problems, declaration.parameters.document)


def hushed_by(problems: Sequence[Problem], document: Any) -> Sequence[Problem]:
    """The problems of a value that ``document`` describes, secrets by their kind alone.

    Secret is what is ``writeOnly`` or of the format ``password`` (pydantic's
    SecretStr and SecretBytes are both), whatever stands inside of it, and an
    unknown name beside a secret, which may be meant for it.
    """
    return [_quiet(one) if _is_meant(one, document) else one for one in problems]


def _quiet(problem: Problem) -> Problem:
    kind = problem.got.partition(" ")[0]
    got = kind if kind in _SHOWN else problem.got
    if problem.got.startswith(("'", '"')):  # an item of an enum that it is not
        got = "another value"
    return Problem(problem.path, problem.expected, got, keyword=problem.keyword)


def is_secret(path: str, document: Any) -> bool:
    """Whether ``document`` says that what stands at this JSON path, or around it, is secret."""
    return _reached(json_steps(path), document) is None


def _is_meant(problem: Problem, document: Any) -> bool:
    steps = json_steps(problem.path)
    if problem.keyword not in _UNKNOWN or not steps:
        return _reached(steps, document) is None
    around = _reached(steps[:-1], document)
    if around is None:
        return True
    known = [node.get("properties") for node in around]
    names = {name for one in known if isinstance(one, dict) for name in one}
    return any(_further(around, name, document) is None for name in (*names, steps[-1]))


def _reached(steps: Sequence[int | str], document: Any) -> list[dict[str, Any]] | None:
    """Every node that describes what stands there; None where one on the way says secret."""
    nodes: list[dict[str, Any]] | None = _open([document], document)
    for step in steps:
        nodes = None if nodes is None else _further(nodes, step, document)
    return nodes


def _further(
    nodes: list[dict[str, Any]], step: int | str, document: Any
) -> list[dict[str, Any]] | None:
    return _open([under for node in nodes for under in _under(node, step)], document)


def _open(found: list[Any], document: Any) -> list[dict[str, Any]] | None:
    nodes = list(_same(found, document))
    return None if any(map(_says_secret, nodes)) else nodes


def _says_secret(node: dict[str, Any]) -> bool:
    return node.get("writeOnly") is True or node.get("format") == "password"


def _same(found: Iterable[Any], document: Any) -> Iterator[dict[str, Any]]:
    """The nodes, and those that describe the same value by reference or as a branch."""
    left, seen = list(found), set[int]()
    while left and len(seen) < _MAX_NODES:
        node = left.pop()
        if not isinstance(node, dict) or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        for keyword in _BRANCHES:
            branches = node.get(keyword)
            left += branches if isinstance(branches, list) else ()
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            left.append(_pointed(reference[1:], document))


def _pointed(pointer: str, document: Any) -> Any:
    node = document
    for word in pointer.split("/")[1:]:
        if not isinstance(node, dict):
            return None
        node = node.get(word.replace("~1", "/").replace("~0", "~"))
    return node


def _under(node: dict[str, Any], step: int | str) -> Iterator[Any]:
    """What a node says of one of its items or properties."""
    if isinstance(step, str):
        named = node.get("properties")
        if isinstance(named, dict) and step in named:
            yield named[step]
        else:
            yield node.get("additionalProperties")
        patterns = node.get("patternProperties")
        yield from patterns.values() if isinstance(patterns, dict) else ()
        return
    first = node.get("prefixItems")
    if isinstance(first, list) and step < len(first):
        yield first[step]
    else:
        yield node.get("items")
