"""Unions: the exact type first, a tag where there is one, coercion last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from altar.later.hints._nodes import Node, NoneType, Refs, exact
from altar.later.hints._nodes_choice import LiteralNode
from altar.later.hints._nodes_container import field_schema
from altar.later.hints._nodes_record import RecordNode
from altar.later.hints._nodes_scalar import NONE
from altar.later.hints._report import INVALID, MAX_DEPTH

if TYPE_CHECKING:
    from altar.later.hints._codegen import Gen
    from altar.later.hints._report import Path, Report

__all__ = ["RefNode", "UnionNode"]

_NONE_CLASS: Final = type(NONE)

# Keywords that look at one JSON type only, so that alternatives may share a schema.
_OWN: Final = {
    "string": {"format", "pattern", "minLength", "maxLength"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
    "object": {"properties", "required", "additionalProperties", "propertyNames"}
    | {"minProperties", "maxProperties"},
    "boolean": set(),
    "null": set(),
}
_OWN["number"] = _OWN["integer"]


class UnionNode(Node):
    """One of several types."""

    __slots__ = ("_kinds", "_plans", "_tags", "hashable", "identity", "options")

    def __init__(self, options: tuple[Node, ...]) -> None:
        self.options = options
        self._plans: dict[type, tuple[Node, ...]] = {}
        self._tags: Any = None
        self._kinds: frozenset[type] | None = None
        self.identity = all(option.identity for option in options)
        self.hashable = all(option.hashable for option in options)

    @property
    def kinds(self) -> frozenset[type]:  # type: ignore[override]
        if self._kinds is None:  # not at once: an alternative may still be under construction
            self._kinds = frozenset().union(*(option.kinds for option in self.options))
        return self._kinds

    @property
    def prime(self) -> frozenset[type]:
        return frozenset().union(*(option.prime for option in self.options))

    @property
    def note(self) -> str | None:
        alone = self._alone()
        return None if alone is None else alone.note

    @property
    def legend(self) -> str | None:
        alone = self._alone()
        return None if alone is None else alone.legend

    def _alone(self) -> Node | None:
        """The one alternative beside None, if there is but one."""
        others = [option for option in self.options if not isinstance(option, _NONE_CLASS)]
        return others[0] if len(others) == 1 else None

    @property
    def label(self) -> str:
        return " or ".join(dict.fromkeys(option.label for option in self.options))

    def body(self, refs: Refs) -> dict[str, Any]:
        alone = self._alone() is not None
        docs: list[dict[str, Any]] = []
        for option in self.options:
            doc = option.schema(refs) if alone else field_schema(option, refs)
            if doc not in docs:
                docs.append(doc)
        if len(docs) == 1:
            return docs[0]
        return _merged(docs) or {"anyOf": docs}

    def key_schema(self) -> dict[str, Any] | None:
        keys = [key for key in (option.key_schema() for option in self.options) if key is not None]
        if not keys or {} in keys:
            return {} if keys else None
        return {"anyOf": keys} if len(keys) > 1 else keys[0]

    def load_key(self, text: str, path: Path, report: Report) -> Any:
        for option in self.options:
            if option.key_schema() is not None:
                trial = report.trial(strict=True)
                found = option.load_key(text, path, trial)
                if not trial.problems:
                    return found
        return report.fail(path, f"a name that is {self.label}", text, "propertyNames")

    def _plan(self, kind: type) -> tuple[Node, ...]:
        """The alternatives for one JSON type: those that are it exactly come first."""
        known = self._plans.get(kind)
        if known is None:
            first = [option for option in self.options if kind in option.prime]
            rest = [o for o in self.options if kind in o.kinds and kind not in o.prime]
            known = self._plans[kind] = (*first, *rest)
        return known

    def load(self, value: Any, path: Path, report: Report) -> Any:
        value = exact(value)
        plan = self._plan(value.__class__)
        if len(plan) == 1:
            return self._only(plan[0], value, path, report)
        if plan and value.__class__ is dict and self.tags():
            return self._tagged(value, path, report)
        for option in plan:
            trial = report.trial(strict=True)
            if self._spend(report):
                found = option.load(value, path, trial)
                if not trial.problems:
                    return found
        if not report.strict:
            found = self._coerced(plan or self.options, value, path, report)
            if found is INVALID and plan:
                found = self._coerced(self.options, value, path, report)
            if found is not INVALID:
                return found
        return self._refuse(plan, value, path, report)

    def _only(self, option: Node, value: Any, path: Path, report: Report) -> Any:
        """The one alternative for this JSON type; for texts also what they may be read as."""
        if value.__class__ is not str or report.strict:
            return option.load(value, path, report)
        trial = report.trial(strict=False)
        found = option.load(value, path, trial)
        if trial.problems:
            other = self._coerced(self.options, value, path, report)
            if other is not INVALID:
                return other
        report.adopt(trial)
        return found

    def _coerced(self, options: tuple[Node, ...], value: Any, path: Path, report: Report) -> Any:
        for option in options:
            trial = report.trial(strict=False)
            if not self._spend(report):
                return INVALID
            found = option.load(value, path, trial)
            if not trial.problems:
                report.adopt(trial)
                return found
        return INVALID

    def _spend(self, report: Report) -> bool:
        """Whether another trial may be made; only trials within trials use up the fuel."""
        if report.nested:
            report.fuel[0] -= 1
        return report.fuel[0] > 0

    def _refuse(self, plan: tuple[Node, ...], value: Any, path: Path, report: Report) -> Any:
        """One problem that names all alternatives, or the nearest alternative's own."""
        best: Report | None = None
        for option in plan:
            trial = report.trial(strict=report.strict)
            if self._spend(report):
                option.load(value, path, trial)
                if best is None or len(trial.problems) < len(best.problems):
                    best = trial
        deeper = value.__class__ in (dict, list)
        # a lone surrogate is told as what it is: no alternative could hold it
        if best and best.problems and (deeper or best.problems[0].keyword == "surrogate"):
            report.adopt(best)
            return INVALID
        return report.fail(path, self.label, value, "anyOf")

    def tags(self) -> tuple[str, dict[Any, Node]] | None:
        """The field whose Literal tells the records apart, and record by tag value."""
        if self._tags is None:
            self._tags = _find_tags(self._plan(dict)) or ()
        return self._tags or None

    def _tagged(self, value: dict[str, Any], path: Path, report: Report) -> Any:
        name, by_tag = self._tags
        tag = value.get(name)
        option = by_tag.get((tag.__class__, tag)) if not isinstance(tag, (list, dict)) else None
        if option is not None:
            return option.load(value, path, report)
        allowed = [key[1] for key in by_tag]
        expected = f"one of {', '.join(map(repr, allowed))}"
        if name not in value:
            return report.note((path, name), f"{expected} (required)", "nothing", "required")
        return report.fail((path, name), expected, tag, "enum", report.nearest(tag, allowed))

    def emit(self, gen: Gen, var: str) -> None:
        kinds = [kind for kind in _ORDER if kind in self.kinds]
        plans = {kind: self._plan(kind) for kind in kinds}
        if any(len(plan) != 1 for plan in plans.values()):
            self.emit_call(gen, var)
            return
        by_node: dict[int, list[type]] = {}
        for kind, plan in plans.items():
            by_node.setdefault(id(plan[0]), []).append(kind)
        word = "if"
        for mine in by_node.values():
            tests = (
                f"{var} is None" if kind is NoneType else f"{var}.__class__ is {gen.const(kind)}"
                for kind in mine
            )
            gen.add(f"{word} {' or '.join(tests)}:")
            gen.indent += 1
            if mine == [NoneType]:
                gen.add("pass")
            else:
                gen.emit(plans[mine[0]][0], var)
            gen.indent -= 1
            word = "elif"
        gen.add("else: return None")


_ORDER: Final = (NoneType, str, int, float, bool, list, dict)


def _find_tags(options: tuple[Node, ...]) -> tuple[str, dict[Any, Node]] | None:
    records = [option for option in map(_target, options) if isinstance(option, RecordNode)]
    if len(records) != len(options) or len(records) < 2:
        return None
    for name in [*records[0].const, *(field.wire for field in records[0].fields)]:
        by_tag: dict[Any, Node] = {}
        for record, option in zip(records, options, strict=True):
            tags = _tags_of(record, name)
            if not tags or any(tag in by_tag for tag in tags):
                break
            by_tag.update(dict.fromkeys(tags, option))
        else:
            return name, by_tag
    return None


def _tags_of(record: RecordNode, name: str) -> list[Any]:
    if name in record.const:
        return [(str, record.const[name])]
    for field in record.fields:
        if field.wire == name and field.required and isinstance(field.node, LiteralNode):
            return [(wire.__class__, wire) for wire in field.node.wires]
    return []


def _target(node: Node) -> Node:
    return node.target if isinstance(node, RefNode) and node.target is not None else node


class RefNode(Node):
    """A place where a type stands within itself: ``JSON = list["JSON"] | str``."""

    __slots__ = ("name", "target")
    hashable = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.target: Node | None = None

    @property
    def kinds(self) -> frozenset[type]:  # type: ignore[override]
        return _known(self).kinds

    @property
    def prime(self) -> frozenset[type]:
        return _known(self).prime

    @property
    def label(self) -> str:
        return self.name

    def schema(self, refs: Refs) -> dict[str, Any]:
        return refs.ref(self.name, _known(self))

    def body(self, refs: Refs) -> dict[str, Any]:
        return _known(self).body(refs)

    def load(self, value: Any, path: Path, report: Report) -> Any:
        if report.depth >= MAX_DEPTH:
            return report.note(path, f"at most {MAX_DEPTH} levels", "deeper nesting", "depth")
        report.depth += 1
        found = _known(self).load(value, path, report)
        report.depth -= 1
        return found


def _known(ref: RefNode) -> Node:
    if ref.target is None:
        raise RuntimeError(f"the type {ref.name} is read before it is built")
    return ref.target


def _merged(docs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """One schema with several types, where no keyword of one could bind another."""
    types: list[str] = []
    out: dict[str, Any] = {"type": types}
    enums = [doc for doc in docs if "enum" in doc]
    for doc in docs:
        kinds = doc.get("type")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if not kinds or (enums and doc != {"type": "null"} and "enum" not in doc):
            return None
        own: set[str] = {"type"}.union(*(_OWN[kind] for kind in kinds))
        if not own.issuperset(key for key in doc if key != "enum"):
            return None
        if any(key in out for key in doc if key != "type") or not set(types).isdisjoint(kinds):
            return None
        types += kinds
        out.update({key: value for key, value in doc.items() if key != "type"})
    if "integer" in types and "number" in types:
        if enums or not _OWN["integer"].isdisjoint(out):
            return None
        types.remove("integer")
    if enums:
        if len(enums) > 1:
            return None
        out["enum"] = [*out["enum"], None]
    return out
