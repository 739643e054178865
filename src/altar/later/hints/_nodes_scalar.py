"""None, bool, int, float and str."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from altar.later.hints._nodes import MAX_INT, MIN_INT, Node, NoneType, Refs, exact
from altar.later.hints._report import surrogate_free

if TYPE_CHECKING:
    from altar.later.hints._codegen import Gen
    from altar.later.hints._report import Path, Report

__all__ = ["BOOL", "FLOAT", "INT", "NONE", "STR", "integer_of", "number_of"]

_NUMBER_CHARS: Final = frozenset("0123456789+-.eE")


def integer_of(value: Any) -> int | None:
    """The integer a canonical text ("42") or an integral number (3.0) stands for."""
    if value.__class__ is float:
        whole = value.is_integer() and -(2.0**53) <= value <= 2.0**53
        return int(value) if whole else None
    if value.__class__ is not str or len(value) > 20:
        return None
    digits = value[1:] if value[:1] == "-" else value
    if not (digits.isascii() and digits.isdigit()) or (digits[0] == "0" and value != "0"):
        return None
    number = int(value)
    return number if MIN_INT <= number <= MAX_INT else None


def number_of(value: Any) -> float | None:
    """The finite number a plain decimal text ("2.5") stands for."""
    if value.__class__ is not str or not 0 < len(value) <= 64:
        return None
    if not _NUMBER_CHARS.issuperset(value) or not value[-1].isdigit():
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if number - number == 0.0 else None


class _None(Node):
    __slots__ = ()
    kinds = frozenset({NoneType})
    identity = True

    @property
    def label(self) -> str:
        return "null"

    def body(self, refs: Refs) -> dict[str, Any]:
        return {"type": "null"}

    def load(self, value: Any, path: Path, report: Report) -> Any:
        return None if value is None else report.fail(path, "null", value, "type")

    def emit(self, gen: Gen, var: str) -> None:
        gen.miss_if(f"{var} is not None")


class _Bool(Node):
    __slots__ = ()
    kinds = frozenset({bool})
    identity = True

    @property
    def label(self) -> str:
        return "a boolean"

    def body(self, refs: Refs) -> dict[str, Any]:
        return {"type": "boolean"}

    def load(self, value: Any, path: Path, report: Report) -> Any:
        if value is True or value is False:
            return value
        if value.__class__ is str and not report.strict:
            known = {"true": True, "false": False}.get(value.lower() if len(value) < 6 else "")
            if known is not None:
                report.coerced(path, "string", "boolean")
                return known
        return report.fail(path, "a boolean", value, "type")

    def load_key(self, text: str, path: Path, report: Report) -> Any:
        if text in ("true", "false"):
            return text == "true"
        return report.fail(path, '"true" or "false" as the name', text, "propertyNames")

    def key_schema(self) -> dict[str, Any]:
        return {"enum": ["true", "false"]}

    def emit(self, gen: Gen, var: str) -> None:
        gen.miss_if(f"{var} is not True and {var} is not False")


class _Int(Node):
    __slots__ = ()
    kinds = frozenset({int})
    identity = True

    @property
    def label(self) -> str:
        return "an integer"

    def body(self, refs: Refs) -> dict[str, Any]:
        return {"type": "integer"}

    def load(self, value: Any, path: Path, report: Report) -> Any:
        if value.__class__ is int:
            if MIN_INT <= value <= MAX_INT:
                return value
            return report.fail(path, "an integer of 64 bits", value, "integer")
        if not report.strict:
            number = integer_of(value)
            if number is not None:
                source = "string" if value.__class__ is str else "number"
                report.coerced(path, source, "integer")
                return number
        plain = exact(value)
        if plain.__class__ is int:
            return self.load(plain, path, report)
        return report.fail(path, "an integer", value, "type")

    def load_key(self, text: str, path: Path, report: Report) -> Any:
        number = integer_of(text)
        if number is None:
            return report.fail(path, "an integer as the name", text, "propertyNames")
        return number

    def key_schema(self) -> dict[str, Any]:
        return {"pattern": "^(0|-?[1-9][0-9]*)$"}

    def emit(self, gen: Gen, var: str) -> None:
        gen.miss_if(f"{var}.__class__ is not int or not {MIN_INT} <= {var} <= {MAX_INT}")


class _Float(Node):
    __slots__ = ()
    kinds = frozenset({float, int})
    identity = False

    @property
    def prime(self) -> frozenset[type]:
        return frozenset({float})

    @property
    def label(self) -> str:
        return "a number"

    def body(self, refs: Refs) -> dict[str, Any]:
        return {"type": "number"}

    def load(self, value: Any, path: Path, report: Report) -> Any:
        cls = value.__class__
        if cls is float:
            if value - value == 0.0:
                return value
            return report.note(path, "a finite number", str(value), "finite")
        if cls is int:
            try:
                return float(value)
            except OverflowError:
                return report.fail(path, "a number that a double can hold", value, "integer")
        if not report.strict:
            number = number_of(value)
            if number is not None:
                report.coerced(path, "string", "number")
                return number
        plain = exact(value)
        if plain.__class__ is not cls and isinstance(plain, (int, float)):
            return self.load(plain, path, report)
        return report.fail(path, "a number", value, "type")

    def load_key(self, text: str, path: Path, report: Report) -> Any:
        number = number_of(text)
        if number is None:
            return report.fail(path, "a number as the name", text, "propertyNames")
        return number

    def key_schema(self) -> dict[str, Any]:
        return {"pattern": r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$"}

    def emit(self, gen: Gen, var: str) -> None:
        gen.add(f"if {var}.__class__ is not float:")
        gen.indent += 1
        gen.miss_if(f"{var}.__class__ is not int or not {MIN_INT} <= {var} <= {MAX_INT}")
        gen.add(f"{var} = {gen.const(float)}({var})")
        gen.indent -= 1
        gen.add(f"elif {var} - {var} != 0.0: return None")


class _Str(Node):
    __slots__ = ()
    kinds = frozenset({str})
    identity = True

    @property
    def label(self) -> str:
        return "a string"

    def body(self, refs: Refs) -> dict[str, Any]:
        return {"type": "string"}

    def load(self, value: Any, path: Path, report: Report) -> Any:
        if value.__class__ is str:
            if value.isascii() or surrogate_free(value):
                return value
            expected = "text without lone surrogates"
            return report.note(path, expected, "a lone surrogate", "surrogate")
        if isinstance(value, str):
            return self.load(str.__str__(value), path, report)
        return report.fail(path, "a string", value, "type")

    def emit(self, gen: Gen, var: str) -> None:
        gen.text(var)


NONE: Final = _None()
BOOL: Final = _Bool()
INT: Final = _Int()
FLOAT: Final = _Float()
STR: Final = _Str()
