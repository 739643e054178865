"""What stands beside a type: Annotated's metadata and pydantic's Field, read by structure."""

from __future__ import annotations

from typing import Any, Final

from altar.later.hints._nodes_rules import Rules
from altar.later.hints._param import Param

__all__ = ["Facts", "field_default", "read_metadata"]

_KNOWN: Final = {
    "altar",
    "annotated_types",
    "annotated_doc",
    "msgspec",
    "pydantic",
    "typing_extensions",
}
# pydantic's own spelling of limits that are read here, and what of them is not
_SAID_IN_FULL: Final = ("PydanticGeneralMetadata", "StringConstraints", "Discriminator", "Tag")
_UNREAD: Final = (
    "strict",
    "strip_whitespace",
    "to_upper",
    "to_lower",
    "max_digits",
    "decimal_places",
    "coerce_numbers_to_str",
    "allow_inf_nan",
    "fail_fast",
)
_BOUNDS: Final = ("ge", "gt", "le", "lt")
_PLAIN: Final = ("multiple_of", "min_length", "max_length", "pattern")


class Facts:
    """Everything metadata says: rules, a description, examples."""

    __slots__ = ("description", "examples", "extra", "rules", "validated")

    def __init__(self) -> None:
        self.rules = Rules()
        self.validated = False  # something here only pydantic itself can apply
        self.description: str | None = None
        self.examples: tuple[Any, ...] = ()
        self.extra: dict[str, Any] = {}


def read_metadata(metadata: Any, facts: Facts) -> None:
    """Add what each object of ``metadata`` says to ``facts``; strangers are skipped."""
    for item in metadata:
        cls = item.__class__
        if cls is str:
            facts.description = item.strip() or facts.description
        elif cls is Param:
            _read_limits(item, facts)
        elif cls.__module__.partition(".")[0].lstrip("_") in _KNOWN or cls.__name__ == "Doc":
            _read_foreign(item, cls, facts)


def _read_foreign(item: Any, cls: type, facts: Facts) -> None:
    if cls.__name__ == "Doc":
        text = getattr(item, "documentation", None)
        facts.description = text if isinstance(text, str) else facts.description
        return
    if _is_pydantic_rule(item, cls):
        facts.validated = True
    nested = getattr(item, "metadata", None)  # a pydantic Field keeps its rules in a list
    if isinstance(nested, (list, tuple)):
        read_metadata(nested, facts)
    _read_limits(item, facts)
    test = getattr(item, "func", None)
    if cls.__name__ in ("Predicate", "Not") and callable(test):
        name = getattr(test, "__name__", "a predicate")
        if cls.__name__ == "Not":
            facts.rules.tests.append((f"not {name}", lambda value: not test(value)))
        else:
            facts.rules.tests.append((name, test))
    if cls.__name__ == "Timezone":
        _read_timezone(item.tz, facts)


def _is_pydantic_rule(item: Any, cls: type) -> bool:
    """Whether this is a validator, a serializer or a mode that only pydantic applies."""
    if cls.__module__.partition(".")[0] != "pydantic":
        return False
    if cls.__name__ == "FieldInfo":  # which branch of a union it is: pydantic decides by it
        return item.discriminator is not None
    if cls.__name__ in _SAID_IN_FULL:
        return any(getattr(item, name, None) for name in _UNREAD)
    return True


def _read_limits(item: Any, facts: Facts) -> None:
    rules = facts.rules
    for name in _BOUNDS:
        bound = getattr(item, name, None)
        if bound is not None:
            rules.bounds[name] = bound
    for name in _PLAIN:
        value = getattr(item, name, None)
        if value is not None and not callable(value):
            text = getattr(value, "pattern", value) if name == "pattern" else value
            setattr(rules, name, text)
    text = getattr(item, "description", None)
    if isinstance(text, str) and text.strip():
        facts.description = text.strip()
    examples = getattr(item, "examples", None)
    if isinstance(examples, (list, tuple)) and examples:
        facts.examples = tuple(examples)
    for name in ("json_schema_extra", "extra_json_schema"):
        extra = getattr(item, name, None)
        if isinstance(extra, dict):
            facts.extra.update(extra)


def _read_timezone(zone: Any, facts: Facts) -> None:
    if zone is None:
        facts.rules.tests.append(("no time zone", lambda moment: moment.tzinfo is None))
    elif zone is ...:
        facts.rules.tests.append(("a time zone", lambda moment: moment.tzinfo is not None))


def field_default(default: Any) -> Any:
    """A pydantic Field used as a default, or None for any other object."""
    cls = default.__class__
    if cls.__name__ == "FieldInfo" and cls.__module__.startswith("pydantic"):
        return default
    return None
