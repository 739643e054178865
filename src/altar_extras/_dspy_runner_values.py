"""Values of a DSPy program as JSON, and back: inputs, demos, outputs."""

from __future__ import annotations

import base64
import dataclasses
import math
import typing
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import dspy  # type: ignore[import-untyped]
import dspy.experimental  # type: ignore[import-untyped]

from altar.errors import ConfigurationError
from altar_extras._dspy_results import TOLD
from altar_extras._dspy_types import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Values", "types_of"]

_SIGN = "$"  # the key that tells a value in disguise from a plain object
_INT64 = 1 << 63
_TEXTS: dict[type, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    datetime: (datetime.isoformat, datetime.fromisoformat),
    date: (date.isoformat, date.fromisoformat),
    time: (time.isoformat, time.fromisoformat),
    Decimal: (str, Decimal),
    UUID: (str, UUID),
    bytes: (lambda raw: base64.b64encode(raw).decode(), base64.b64decode),
    timedelta: (
        lambda d: f"{d.days},{d.seconds},{d.microseconds}",
        lambda t: timedelta(*map(int, t.split(","))),
    ),
    int: (str, int),
    float: (repr, float),
}
_BY_NAME = {kind.__name__: read for kind, (_, read) in _TEXTS.items()}
_HEAPS: dict[type, Callable[[Any], Any]] = {tuple: tuple, set: set, frozenset: frozenset}
_HEAPS_BY_NAME = {kind.__name__: make for kind, make in _HEAPS.items()}
_MAINS = ("__main__", "__mp_main__")


class Values:
    """JSON for values, both ways; the classes it may build are those it was given.

    So what arrives names a class and never imports one. Both sides take them
    from the program's signatures, and from ``types=``.
    """

    def __init__(self, classes: Iterable[type]) -> None:
        self._classes = {_name_of(found): found for found in classes}

    def dump(self, value: Any, where: str = "inputs", *, lossy: bool = False) -> Any:
        """JSON of a value. Raises ConfigurationError for what cannot cross, or, where
        ``lossy``, puts its text there.
        """
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if (kind is int and -_INT64 <= value < _INT64) or (kind is float and math.isfinite(value)):
            return value
        if kind is list:
            return [self.dump(v, f"{where}[{i}]", lossy=lossy) for i, v in enumerate(value)]
        if kind is dict:
            return self._dump_dict(value, where, lossy)
        if kind in _TEXTS:
            return {_SIGN: kind.__name__, "text": _TEXTS[kind][0](value)}
        if kind in _HEAPS:
            items = [self.dump(v, f"{where}[{i}]", lossy=lossy) for i, v in enumerate(value)]
            # equal sets must be equal JSON, whatever their order in memory
            return {
                _SIGN: kind.__name__,
                "items": items if kind is tuple else sorted(items, key=repr),
            }
        if kind is dspy.Example or kind is dspy.Prediction:
            return self._dump_record(value, where, lossy)
        return self._dump_object(value, where, lossy)

    def load(self, found: Any) -> Any:
        """The value of such JSON. Raises ConfigurationError for a class not known here."""
        if isinstance(found, list):
            return [self.load(item) for item in found]
        if not isinstance(found, dict):
            return found
        kind = found.get(_SIGN)
        if kind is None:
            return {key: self.load(item) for key, item in found.items()}
        if kind in _BY_NAME:
            return _BY_NAME[kind](found["text"])
        if kind in _HEAPS_BY_NAME:
            return _HEAPS_BY_NAME[kind](self.load(found["items"]))
        if kind == "dict":
            return {self.load(key): self.load(item) for key, item in found["items"]}
        if kind in {"example", "prediction"}:
            return self._load_record(found)
        return self._load_object(found)

    def _dump_dict(
        self, value: dict[Any, Any], where: str, lossy: bool, told: frozenset[str] = frozenset()
    ) -> Any:
        """JSON of a dict; ``told`` are names whose values may lose what cannot cross."""
        if _SIGN not in value and all(type(key) is str for key in value):
            return {
                k: self.dump(v, f"{where}.{k}", lossy=lossy or k in told) for k, v in value.items()
            }
        pairs = [
            [self.dump(k, where, lossy=lossy), self.dump(v, f"{where}[{k!r}]", lossy=lossy)]
            for k, v in value.items()
        ]
        return {_SIGN: "dict", "items": pairs}

    def _dump_record(self, value: Any, where: str, lossy: bool) -> Any:
        whole = dict(value.items(include_dspy=True))
        if type(value) is dspy.Example:
            fields = self._dump_dict(whole, where, lossy)
            inputs = getattr(value, "_input_keys", None)
            told = None if inputs is None else sorted(inputs)
            return {_SIGN: "example", "fields": fields, "inputs": told}
        # what an agent's tools gave back is not to cost its answer
        fields = self._dump_dict(whole, where, lossy, TOLD)
        made: dict[str, Any] = {_SIGN: "prediction", "fields": fields}
        if value.completions is not None:
            several = dict(value.completions.items())
            if any(len(v) != 1 or v[0] is not value.get(k) for k, v in several.items()):
                made["completions"] = self._dump_dict(several, where, lossy)
            else:
                made["complete"] = True
        return made

    def _load_record(self, found: dict[str, Any]) -> Any:
        fields = self.load(found["fields"])
        if found[_SIGN] == "example":
            made = dspy.Example(**fields)
            return made if found["inputs"] is None else made.with_inputs(*found["inputs"])
        if "completions" in found:
            prediction = dspy.Prediction.from_completions(self.load(found["completions"]))
            for key, value in fields.items():
                prediction[key] = value
            return prediction
        if found.get("complete"):
            return dspy.Prediction.from_completions({k: [v] for k, v in fields.items()})
        return dspy.Prediction(**fields)

    def _dump_object(self, value: Any, where: str, lossy: bool) -> Any:
        kind = type(value)
        name = _name_of(kind)
        if name in self._classes:
            if isinstance(value, Enum):
                return {_SIGN: "enum", "class": name, "name": value.name}
            fields = dict(vars(value)) if not dataclasses.is_dataclass(kind) else _slots(value)
            made = {_SIGN: "object", "class": name, "fields": self._dump_dict(fields, where, lossy)}
            if hasattr(kind, "__pydantic_fields__"):
                made["set"] = sorted(value.model_fields_set)
                if value.__pydantic_private__:
                    made["private"] = self._private(value.__pydantic_private__, where)
                if value.model_extra:
                    made["extra"] = self._dump_dict(value.model_extra, where, lossy)
            return made
        if lossy:
            return text_of(value)
        raise ConfigurationError(
            f"{where} is a {kind.__module__}.{kind.__qualname__}, which cannot cross: give JSON "
            "values, dates, dspy's own types or classes that the program's signatures name, or "
            f"type types=[{kind.__name__}] on both sides"
        )

    def _private(self, found: dict[str, Any], where: str) -> dict[str, Any]:
        """Private attributes of a model; clients and locks among them stay where they are."""
        crossing = {}
        for name, value in found.items():
            with suppress(ConfigurationError):
                crossing[name] = self.dump(value, f"{where}.{name}")
        return crossing

    def _load_object(self, found: dict[str, Any]) -> Any:
        name = found.get("class")
        kind: Any = self._classes.get(str(name))
        if kind is None:
            raise ConfigurationError(
                f"a value of the class {name} arrived, which the program's signatures here do not "
                "name: run the same program on both sides, or give types=[...] on both"
            )
        if found[_SIGN] == "enum":
            return kind[found["name"]]
        made = kind.__new__(kind)
        fields = self.load(found["fields"])
        if not hasattr(kind, "__pydantic_fields__"):
            for key, value in fields.items():
                object.__setattr__(made, key, value)
            return made
        extra = self.load(found["extra"]) if "extra" in found else None
        if extra is None and kind.model_config.get("extra") == "allow":
            extra = {}
        made.__setstate__(
            {
                "__dict__": fields,
                "__pydantic_extra__": extra,
                "__pydantic_fields_set__": set(found["set"]),
                "__pydantic_private__": self.load(found["private"]) if "private" in found else None,
            }
        )
        return made


def types_of(signatures: Iterable[Any], extra: Iterable[type] = ()) -> list[type]:
    """The classes that values of these signatures may have, dspy's own among them.

    Raises ConfigurationError for one of ``extra`` whose objects cannot be made of their fields.
    """
    seen: dict[type, None] = {}
    extra = tuple(extra)
    own = ("Audio", "Code", "File", "History", "Image", "Reasoning", "ToolCallResults", "ToolCalls")
    for found in (*extra, *(getattr(dspy, name) for name in own), *_experimental()):
        _walk(found, seen)
    for signature in signatures:
        for field in signature.fields.values():
            _walk(field.annotation, seen)
    seen.update(dict.fromkeys(map(_plain_class, (found for found in extra if found not in seen))))
    return list(seen)


def _plain_class(found: Any) -> type:
    """A class that is no enum, dataclass or model: its objects are their ``__dict__``."""
    if not isinstance(found, type):
        raise ConfigurationError(f"types=[{found!r:.80}]: give classes")
    kind: Any = found
    slots = any(getattr(base, "__slots__", ()) for base in kind.__mro__)
    if kind.__new__ is not object.__new__ or slots or not kind.__dictoffset__:
        raise ConfigurationError(
            f"types=[{kind.__qualname__}]: what its objects hold is not in their attributes; give "
            "enums, dataclasses, pydantic models and classes without __slots__, __new__ and "
            "built-in bases"
        )
    return found


def _experimental() -> list[Any]:
    return [dspy.experimental.Citations, dspy.experimental.Document]


def _walk(annotation: Any, seen: dict[type, None]) -> None:
    for part in typing.get_args(annotation):
        _walk(part, seen)
    if not isinstance(annotation, type) or annotation in seen:
        return
    fields = getattr(annotation, "__pydantic_fields__", None)
    if issubclass(annotation, Enum):
        seen[annotation] = None
    elif fields is not None:
        seen[annotation] = None
        for field in fields.values():
            _walk(field.annotation, seen)
    elif dataclasses.is_dataclass(annotation):
        seen[annotation] = None
        try:
            hints = typing.get_type_hints(annotation)
        except Exception:  # noqa: BLE001 - names that only a type checker sees
            return
        for hint in hints.values():
            _walk(hint, seen)


def _slots(value: Any) -> dict[str, Any]:
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}


def _name_of(kind: type) -> str:
    # the program's own file has another name in a worker process
    module = "" if kind.__module__ in _MAINS else kind.__module__
    return f"{module}:{kind.__qualname__}"
