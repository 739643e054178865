"""FunctionCall: what a model asked for."""

from __future__ import annotations

from typing import Any

from altar.adm._fields import Fields, check_extensions
from altar.adm._frozen import Extended, Frozen, Identified
from altar.adm._ids import is_call_id
from altar.adm._kinds import kind_of
from altar.adm._problem import Problem
from altar.errors import InvalidDataError

__all__ = ["FunctionCall"]

_MAX_NAME = 4096


class FunctionCall(Frozen, Extended, Identified):
    """One call: ``call_id``, ``name`` and ``args`` (a JSON object).

    The name is whatever string the model said; whether a tool of that name
    exists is the session's question. Without ``call_id`` an id is generated,
    and written out when it is first read. ``supplied`` tells the two apart:
    only supplied ids take part in deduplication.

    ``extensions`` holds fields named ``x_...`` or ``vendor_...``.

    Raises InvalidDataError when a field has the wrong kind. What the args
    hold is checked where they are bound, or read by :meth:`from_dict`.
    """

    __slots__ = ("_extensions", "_id", "args", "name", "supplied")

    _id: str | None
    args: dict[str, Any]
    name: str
    supplied: bool
    _extensions: dict[str, Any]  # set only where there are some

    def __init__(
        self,
        *,
        name: str,
        args: dict[str, Any] | None = None,
        call_id: str | None = None,
        extensions: dict[str, Any] | None = None,
    ) -> None:
        usual = name.__class__ is str and len(name) <= _MAX_NAME and args.__class__ is dict
        if not usual or call_id is not None or extensions:
            _check(name, args, call_id, extensions)
        _put_name(self, name)
        _put_args(self, {} if args is None else args)
        _put_id(self, call_id)
        _put_supplied(self, call_id is not None)
        if extensions:
            object.__setattr__(self, "_extensions", extensions)

    @classmethod
    def from_dict(cls, doc: dict[str, Any]) -> FunctionCall:
        """Read ``{call_id, name, args}``.

        An absent id, or one that breaks the rule, is replaced; absent args
        are empty; unknown unprefixed fields are ignored. Refused, each with
        its path: NaN and infinities, lone surrogates, integers outside 64
        bits, nesting past 128 levels.
        """
        fields = Fields("FunctionCall", doc)
        name = fields.text("name", required=True)
        fields.get("args", "an object", dict)
        args = fields.json("args")
        call_id = fields.doc.get("call_id")
        extensions = fields.extensions()
        fields.done()
        known = call_id if is_call_id(call_id) else None
        return cls(name=str(name), args=args, call_id=known, extensions=extensions)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FunctionCall):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.call_id, self.name))

    def __repr__(self) -> str:
        return f"FunctionCall(call_id={self.call_id!r}, name={self.name!r}, args={self.args!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.name, self.args, self.call_id, self.supplied, self.extensions)

    def to_dict(self) -> dict[str, Any]:
        """The ADM JSON object: call_id, name, args, and the extensions."""
        return {"call_id": self.call_id, "name": self.name, "args": self.args, **self.extensions}


# past __setattr__, which refuses, and without a look-up by name in every call
_put_name = FunctionCall.__dict__["name"].__set__
_put_args = FunctionCall.__dict__["args"].__set__
_put_id = FunctionCall.__dict__["_id"].__set__
_put_supplied = FunctionCall.__dict__["supplied"].__set__


def _check(name: object, args: object, call_id: object, extensions: Any) -> None:
    """Raise InvalidDataError with every field of the wrong kind."""
    problems = []
    if not isinstance(name, str) or len(name) > _MAX_NAME:
        problems.append(Problem("$.name", "a string", kind_of(name), keyword="type"))
    if args is not None and not isinstance(args, dict):
        problems.append(Problem("$.args", "an object", kind_of(args), keyword="type"))
    if call_id is not None and not is_call_id(call_id):
        expected = "1 to 128 printable ASCII characters"
        problems.append(Problem("$.call_id", expected, kind_of(call_id), keyword="pattern"))
    if extensions:
        problems += check_extensions(extensions)
    if problems:
        raise InvalidDataError("FunctionCall", problems)


def _rebuild(
    name: str, args: dict[str, Any], call_id: str, supplied: bool, extensions: dict[str, Any]
) -> FunctionCall:
    call = FunctionCall(name=name, args=args, call_id=call_id, extensions=extensions)
    object.__setattr__(call, "supplied", supplied)
    return call
