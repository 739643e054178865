"""How the objects of each class are written as JSON, found once per class."""

from __future__ import annotations

import inspect
import sys
import types
from base64 import b64encode
from collections import abc, deque
from enum import Enum, Flag
from typing import TYPE_CHECKING, Any, Final, Protocol

from altar.errors import AltarError, ToolError
from altar.later.hints._custom import custom_of
from altar.later.hints._report import Path, written
from altar.later.hints._text_types import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["DumpError", "Full", "dumper_for"]


class DumpError(AltarError):
    """A value that JSON cannot say; the message says what it is and what to return instead."""


class Full(Exception):  # noqa: N818 - an answer, not an error
    """Raised by a walk that has no room for another value; containers keep what they have."""


class Walking(Protocol):
    """The walk a dumper is part of."""

    backwards: bool
    budget: int
    size: int

    def items(self, value: Any) -> Iterable[tuple[int, Any]]:
        """The items of a sequence with their indexes."""
        ...

    def pairs(self, value: Any) -> Iterable[tuple[Any, Any]]:
        """The keys and values of a mapping."""
        ...

    def note(self, path: Path, text: str) -> None:
        """Say what was changed."""
        ...

    def put(self, value: Any, path: Path) -> Any:
        """The JSON form of an inner value."""
        ...


def dumper_for(cls: Any) -> Callable[[Any, Walking, Path], Any]:
    """The function that writes objects of a class; one that raises for a class unknown."""
    custom = custom_of(cls, plugins=False)
    if custom is not None and custom.dump is not None:
        made: Callable[[Any], Any] = custom.dump
        return lambda value, walk, path: walk.put(made(value), path)
    for find in (_builtin, _structured, _pydantic, _text):
        found: Callable[[Any, Walking, Path], Any] | None = find(cls)
        if found is not None:
            return found
    custom = custom_of(cls)
    if custom is not None and custom.dump is not None:
        made = custom.dump
        return lambda value, walk, path: walk.put(made(value), path)
    return _refuse


def _builtin(cls: Any) -> Any:
    if issubclass(cls, Enum):
        return _flag if issubclass(cls, Flag) else _enum
    if hasattr(cls, "_fields") and hasattr(cls, "_asdict") and issubclass(cls, tuple):
        return lambda value, walk, path: _object(value._asdict(), walk, path)
    for base, make in _EXACT:
        if issubclass(cls, base) and not _is_described(cls):
            return make
    return None


def _is_described(cls: Any) -> bool:
    return any(name in cls.__dict__ for name in ("__dataclass_fields__", "__attrs_attrs__"))


def _structured(cls: Any) -> Any:
    """Classes that say what they hold, whichever library made them."""
    if callable(getattr(cls, "model_dump", None)) and hasattr(cls, "__pydantic_core_schema__"):
        return _model
    if hasattr(cls, "__pydantic_serializer__") and hasattr(cls, "__dataclass_fields__"):
        write_out = cls.__pydantic_serializer__.to_python
        return lambda value, walk, path: walk.put(write_out(value, by_alias=True), path)
    if hasattr(cls, "__struct_fields__") and hasattr(cls, "__struct_config__"):
        return _struct
    if hasattr(cls, "__dataclass_fields__"):
        names = [name for name, field in cls.__dataclass_fields__.items() if _is_plain_field(field)]
        return _attributes(names, names)
    if "__attrs_attrs__" in cls.__dict__:
        items = cls.__attrs_attrs__
        return _attributes([item.name for item in items], [item.alias for item in items])
    if cls.__module__ == "altar.adm._blob" and cls.__name__ == "Blob":
        return lambda blob, walk, path: walk.put({"mime": blob.mime, "data": blob.data}, path)
    if cls.__module__.partition(".")[0] == "numpy" and hasattr(cls, "tolist"):
        return lambda value, walk, path: walk.put(value.tolist(), path)
    return None


def _pydantic(cls: Any) -> Any:
    """Types of pydantic's own, as URLs and secrets (which stay hidden)."""
    if "pydantic" not in sys.modules or not hasattr(cls, "__get_pydantic_core_schema__"):
        return None
    try:
        write = sys.modules["pydantic"].TypeAdapter(cls).dump_python
    except Exception:  # noqa: BLE001 - no schema without its arguments: any text tells more
        return None

    def dump(value: Any, walk: Walking, path: Path) -> Any:
        try:
            found = write(value, mode="json")
        except ValueError:  # it has no JSON form there either
            return _refuse(value, walk, path)
        return walk.put(found, path)

    return dump


def _is_plain_field(field: Any) -> bool:
    return bool(field._field_type.name == "_FIELD")  # noqa: SLF001 - not an InitVar or a ClassVar


def _text(cls: Any) -> Any:
    """Classes that are written as text, and plain ones that keep what their constructor took."""
    for base in cls.__mro__:
        write = _TEXTS.get((base.__module__, base.__qualname__))
        if write is not None:
            return lambda value, walk, path: walk.put(write(value), path)
    init = cls.__dict__.get("__init__")
    if isinstance(init, types.FunctionType) and getattr(init, "__annotations__", None):
        params = list(inspect.signature(init).parameters.values())[1:]
        named = [p.name for p in params if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        if named:
            return _attributes(named, named)
    return None


def _refuse(value: Any, walk: Walking, path: Path) -> Any:
    cls = type(value)
    if isinstance(value, (abc.Iterator, abc.AsyncIterator)):
        raise DumpError(f"a live {cls.__name__} at {written(path)}: return a list of its items")
    hint = "return JSON values, dataclasses or models, or use altar.register_type(..., dump=)"
    raise DumpError(f"a {cls.__name__} at {written(path)} cannot be written as JSON: {hint}")


def _list(value: Any, walk: Walking, path: Path) -> list[Any]:
    put = walk.put
    out: list[Any] = []
    try:
        for at, item in walk.items(value):
            out.append(put(item, (path, at)))
    except Full:
        pass
    if walk.backwards:
        out.reverse()
    return out


def _object(value: Any, walk: Walking, path: Path) -> dict[str, Any]:
    out: dict[str, Any] = {}
    try:
        for key, item in walk.pairs(value):
            name = key if key.__class__ is str and key.isascii() else _name(key, walk, path)
            if name in out:
                walk.note(path, "two keys have the same name in JSON; the later one counts")
                if walk.backwards:
                    continue
            walk.size += len(name) + 3
            out[name] = walk.put(item, (path, name))
    except Full:
        pass
    return dict(reversed(out.items())) if walk.backwards else out


def _name(key: Any, walk: Walking, path: Path) -> str:
    """A key as a JSON name: texts as they are, everything else as its JSON text."""
    found = walk.put(key, path)
    if found.__class__ is str:
        return str(found)
    if found is None or found.__class__ is bool:
        return {None: "null", True: "true", False: "false"}[found]
    if found.__class__ in (int, float):
        return repr(found)
    if found.__class__ is list:
        return ",".join(map(str, found))
    raise DumpError(
        f"a key of {written(path)} is a {type(key).__name__}: use texts or numbers as keys"
    )


def _set(value: Any, walk: Walking, path: Path) -> list[Any]:
    if len(value) > walk.budget or walk.backwards:
        value = _ordered(value)
    items = _list(value, walk, path)
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=lambda item: (type(item).__name__, str(item)))


def _ordered(value: Any) -> list[Any]:
    """The members of a set that is not written whole, in order where they have one."""
    try:
        return sorted(value)
    except Exception:  # noqa: BLE001 - whatever the members' classes raise
        return list(value)


def _enum(value: Any, walk: Walking, path: Path) -> Any:
    inner = value.value
    if isinstance(inner, (str, int, float)):
        return walk.put(_base(inner), path)
    return walk.put(value.name, path)


def _flag(value: Any, walk: Walking, path: Path) -> Any:
    return walk.put(int(value.value), path)


def _base(value: Any) -> Any:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return bool(value)
    return int(value) if isinstance(value, int) else float(value)


def _bytes(value: Any, walk: Walking, path: Path) -> Any:
    return walk.put(b64encode(value).decode(), path)


def _exception(value: Any, walk: Walking, path: Path) -> Any:
    """The type alone: its text may quote what no model should read; a ToolError's is for models."""
    out = {"type": type(value).__name__}
    if isinstance(value, ToolError):
        out["message"] = value.message
    return walk.put(out, path)


def _model(value: Any, walk: Walking, path: Path) -> Any:
    return walk.put(value.model_dump(by_alias=True), path)


def _struct(value: Any, walk: Walking, path: Path) -> Any:
    cls = type(value)
    config = cls.__struct_config__
    if config.array_like:
        tag = [] if config.tag is None else [config.tag]
        return _list([*tag, *(getattr(value, name) for name in cls.__struct_fields__)], walk, path)
    out = {} if config.tag is None else {config.tag_field or "type": config.tag}
    for name, wire in zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True):
        out[wire] = getattr(value, name)
    return _object(out, walk, path)


def _attributes(names: list[str], wires: list[str]) -> Any:
    pairs = tuple(zip(names, wires, strict=True))

    def write(value: Any, walk: Walking, path: Path) -> Any:
        found = {}
        for name, wire in pairs:
            try:
                found[wire] = getattr(value, name)
            except AttributeError:
                continue
        if pairs and not found:
            return _refuse(value, walk, path)
        return _object(found, walk, path)

    return write


_EXACT: Final = (
    (dict, _object),
    (list, _list),
    (tuple, _list),
    ((set, frozenset), _set),
    (str, lambda value, walk, path: walk.put(str.__str__(value), path)),
    (int, lambda value, walk, path: walk.put(int(value), path)),
    (float, lambda value, walk, path: walk.put(float(value), path)),
    ((bytes, bytearray, memoryview), _bytes),
    (BaseException, _exception),
    (deque, _list),
    (types.MappingProxyType, _object),
    ((range, abc.KeysView, abc.ValuesView, abc.ItemsView), _list),
    (types.SimpleNamespace, lambda value, walk, path: _object(vars(value), walk, path)),
)


def _complex(value: complex) -> str:
    return str(value).strip("()")


_TEXTS: Final[dict[tuple[str, str], Any]] = {
    ("datetime", "datetime"): lambda value: value.isoformat(),
    ("datetime", "date"): lambda value: value.isoformat(),
    ("datetime", "time"): lambda value: value.isoformat(),
    ("datetime", "timedelta"): duration_text,
    ("uuid", "UUID"): str,
    ("decimal", "Decimal"): str,
    ("fractions", "Fraction"): str,
    ("builtins", "complex"): _complex,
    ("re", "Pattern"): lambda value: value.pattern,
    ("pathlib", "PurePath"): str,
    ("pathlib._local", "PurePath"): str,
    ("ipaddress", "IPv4Address"): str,
    ("ipaddress", "IPv6Address"): str,
    ("ipaddress", "IPv4Network"): str,
    ("ipaddress", "IPv6Network"): str,
    ("ipaddress", "IPv4Interface"): str,
    ("ipaddress", "IPv6Interface"): str,
    ("zoneinfo", "ZoneInfo"): str,
}
