"""FunctionCall: what a model asked for."""

from __future__ import annotations

from _thread import allocate_lock
from typing import Any, NoReturn

from altar.adm._ids import is_call_id, new_call_id
from altar.adm._problem import Problem
from altar.errors import InvalidDataError

__all__ = ["FunctionCall"]

_MAX_NAME = 4096
_first_read = allocate_lock()


class FunctionCall:
    """One call: ``call_id``, ``name`` and ``args`` (a JSON object).

    The name is whatever string the model said; whether a tool of that name
    exists is the session's question. Without ``call_id`` an id is generated,
    and written out when it is first read. ``supplied`` tells the two apart:
    only supplied ids take part in deduplication.

    Raises InvalidDataError when a field has the wrong kind.
    """

    __slots__ = ("_id", "args", "name", "supplied")

    _id: str | None
    args: dict[str, Any]
    name: str
    supplied: bool

    def __init__(
        self, *, name: str, args: dict[str, Any] | None = None, call_id: str | None = None
    ) -> None:
        problems = []
        if not isinstance(name, str) or len(name) > _MAX_NAME:
            problems.append(Problem("$.name", "a string", _kind(name), keyword="type"))
        if args is not None and not isinstance(args, dict):
            problems.append(Problem("$.args", "an object", _kind(args), keyword="type"))
        if call_id is not None and not is_call_id(call_id):
            expected = "1 to 128 printable ASCII characters"
            problems.append(Problem("$.call_id", expected, _kind(call_id), keyword="pattern"))
        if problems:
            raise InvalidDataError("FunctionCall", problems)
        put = object.__setattr__
        put(self, "name", name)
        put(self, "args", {} if args is None else args)
        put(self, "_id", call_id)
        put(self, "supplied", call_id is not None)

    @property
    def call_id(self) -> str:
        """The id: the one supplied, or a generated one that stays the same."""
        known = self._id
        if known is None:
            with _first_read:  # two threads that read first must see one id
                known = self._id
                if known is None:
                    known = new_call_id()
                    object.__setattr__(self, "_id", known)
        return known

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"FunctionCall is frozen: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"FunctionCall is frozen: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FunctionCall):
            return NotImplemented
        return (self.call_id, self.name, self.args) == (other.call_id, other.name, other.args)

    def __hash__(self) -> int:
        return hash((self.call_id, self.name))

    def __repr__(self) -> str:
        return f"FunctionCall(call_id={self.call_id!r}, name={self.name!r}, args={self.args!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.name, self.args, self.call_id, self.supplied)

    def to_dict(self) -> dict[str, Any]:
        """The ADM JSON object: call_id, name, args."""
        return {"call_id": self.call_id, "name": self.name, "args": self.args}


def _rebuild(name: str, args: dict[str, Any], call_id: str, supplied: bool) -> FunctionCall:
    call = FunctionCall(name=name, args=args, call_id=call_id)
    object.__setattr__(call, "supplied", supplied)
    return call


def _kind(value: object) -> str:
    text = ascii(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
