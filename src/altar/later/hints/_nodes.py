"""Node: one type of the table, as schema, as loader and as generated code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from altar.adm._json import loads
from altar.errors import InvalidDataError
from altar.later.hints._report import INVALID, MAX_DEPTH, Path, Report, show, surrogate_free

if TYPE_CHECKING:
    from altar.later.hints._codegen import Gen

__all__ = [
    "EVERY_KIND",
    "AnyNode",
    "Miss",
    "Node",
    "Refs",
    "described",
    "encode",
    "plain",
    "quick",
    "unwrap_json",
]

NoneType: Final = type(None)
EVERY_KIND: Final[frozenset[type]] = frozenset({str, int, float, bool, list, dict, NoneType})
MIN_INT: Final = -(2**63)
MAX_INT: Final = 2**63 - 1

encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Compact ASCII JSON."""


class Miss(Exception):  # noqa: N818 - an answer, not an error
    """Raised in generated code: this value needs the general way."""


class Refs:
    """The ``$defs`` of one schema: recursive nodes by name.

    ``written`` asks for what a result looks like, where that differs from what
    is read: pydantic's models have aliases and fields for one way alone.
    """

    __slots__ = ("_names", "defs", "written")

    def __init__(self, *, written: bool = False) -> None:
        self.written = written
        self.defs: dict[str, Any] = {}
        self._names: dict[int, str] = {}

    def ref(self, name: str, target: Node) -> dict[str, Any]:
        """A reference to ``target``, which is defined when it is first met."""
        known = self._names.get(id(target))
        if known is None:
            known = name
            number = 2
            while known in self.defs:
                known = f"{name}{number}"
                number += 1
            self._names[id(target)] = known
            self.defs[known] = {}
            self.defs[known] = target.body(self)
        return {"$ref": f"#/$defs/{known}"}


class Node:
    """A type that JSON arguments are read into.

    ``schema`` gives a fresh JSON Schema fragment, ``load`` turns a JSON value
    into the Python object (reporting every problem and coercion), ``emit``
    writes the happy path as Python source. What ``emit`` accepts equals what
    ``load`` makes of it without a coercion; everything else is a miss.
    """

    __slots__ = ("_text",)

    kinds: frozenset[type] = EVERY_KIND
    """The classes of JSON values that may load without a coercion."""
    identity: bool = False
    """True when ``load`` returns the very value it was given, or an equal copy."""
    hashable: bool = True
    """False when the loaded object cannot be a set member or a key."""

    _text: str | None

    @property
    def prime(self) -> frozenset[type]:
        """The kinds that are this type exactly; unions try those first."""
        return self.kinds

    @property
    def note(self) -> str | None:
        """What the type itself has to say, used where nothing else describes it."""
        return None

    @property
    def legend(self) -> str | None:
        """What the values of the type mean, told even where something else describes it."""
        return None

    @property
    def label(self) -> str:
        """What a reader of an error message is told to send."""
        raise NotImplementedError

    def schema(self, refs: Refs) -> dict[str, Any]:
        """The schema of a place of this type; a reference for recursive nodes."""
        return self.body(refs)

    def body(self, refs: Refs) -> dict[str, Any]:
        """The schema itself."""
        raise NotImplementedError

    def load(self, value: Any, path: Path, report: Report) -> Any:
        """The Python object, or INVALID after every problem was reported."""
        raise NotImplementedError

    def emit(self, gen: Gen, var: str) -> None:
        """Write code that checks ``var`` and replaces it by the object."""
        self.emit_call(gen, var)

    def emit_call(self, gen: Gen, var: str) -> None:
        """Write one call that loads ``var`` without coercions, or misses."""
        gen.call(quick(self), var)

    def load_key(self, text: str, path: Path, report: Report) -> Any:
        """The object an object's key stands for."""
        return self.load(text, path, report)

    def key_schema(self) -> dict[str, Any] | None:
        """The schema of a key (``propertyNames``), or None when no string can be one."""
        if str not in self.kinds:
            return None
        doc = self.body(Refs())
        doc.pop("type", None)
        return doc

    def text(self) -> str | None:
        """The schema as JSON text without its braces; None when it needs ``$defs``."""
        try:
            return self._text
        except AttributeError:
            refs = Refs()
            doc = self.schema(refs)
            self._text = None if refs.defs else encode(doc)[1:-1]
            return self._text


def described(node: Node, own: str | None) -> str | None:
    """What is told of a place: its own description or else the type's note, and the legend."""
    text, legend = own or node.note, node.legend
    if legend is None or not text:
        return text or legend
    return f"{text}{' ' if text[-1] in '.!?:' else ': '}{legend}"


def quick(node: Node) -> Any:
    """A function that loads without coercions or raises Miss; for generated code."""

    def load(value: Any) -> Any:
        report = Report(strict=True)
        out = node.load(value, None, report)
        if report.problems:
            raise Miss
        return out

    return load


def exact(value: Any) -> Any:
    """The plain JSON form of a subclass instance (an IntEnum, an OrderedDict, a tuple)."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    return value


def unwrap_json(value: Any, cls: type, path: Path, report: Report) -> Any:
    """A container out of a JSON text, or the value as it is; coercions are listed."""
    if value.__class__ is not str:
        return exact(value)
    start = value.lstrip()[:1]
    if report.strict or start != ("{" if cls is dict else "["):
        return value
    try:
        parsed = loads(value)  # strict: a name twice would lose one of its values
    except InvalidDataError:
        return value
    if parsed.__class__ is cls:
        report.coerced(path, "string", "object" if cls is dict else "array")
        return parsed
    return value


def plain(value: Any, path: Path, report: Report, depth: int = 0) -> Any:
    """A checked copy of any JSON value: finite, 64-bit, no surrogates, bounded depth."""
    cls = value.__class__
    if value is None or cls is bool:
        return value
    if cls is str or cls is int or cls is float:
        return _plain_scalar(value, path, report)
    if cls is list or cls is dict:
        if depth + report.depth >= MAX_DEPTH:
            return report.note(path, f"at most {MAX_DEPTH} levels", "deeper nesting", "depth")
        return _plain_container(value, path, report, depth + 1)
    other = exact(value)
    if other.__class__ is not cls:
        return plain(other, path, report, depth)
    return report.fail(path, "a JSON value", value, "type")


def _plain_scalar(value: Any, path: Path, report: Report) -> Any:
    if value.__class__ is str:
        if value.isascii() or surrogate_free(value):
            return value
        return report.note(path, "text without lone surrogates", "a lone surrogate", "surrogate")
    if value.__class__ is int:
        if MIN_INT <= value <= MAX_INT:
            return value
        return report.fail(path, "an integer of 64 bits", value, "integer")
    if value - value == 0.0:
        return value
    return report.note(path, "a finite number", str(value), "finite")


def _plain_container(value: Any, path: Path, report: Report, depth: int) -> Any:
    before = len(report.problems)
    out: Any
    if value.__class__ is list:
        out = [plain(item, (path, at), report, depth) for at, item in enumerate(value)]
    else:
        out = {}
        for key, item in value.items():
            if key.__class__ is not str:
                report.fail(path, "names that are strings", key, "propertyNames")
            elif not key.isascii() and not surrogate_free(key):
                report.note(path, "names without lone surrogates", show(key), "surrogate")
            else:
                out[key] = plain(item, (path, key), report, depth)
    return out if len(report.problems) == before else INVALID


class AnyNode(Node):
    """Anything JSON can say: Any, object, and parameters without an annotation."""

    __slots__ = ()
    identity = True
    hashable = True

    @property
    def prime(self) -> frozenset[type]:
        return frozenset()

    @property
    def label(self) -> str:
        return "a JSON value"

    def body(self, refs: Refs) -> dict[str, Any]:
        return {}

    def load(self, value: Any, path: Path, report: Report) -> Any:
        return plain(value, path, report)
