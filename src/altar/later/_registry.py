"""Registry: the tools an application knows, by name, for as long as it runs."""

from __future__ import annotations

from _thread import allocate_lock

from altar.later._mark import has_policies, mark_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn, TypeVar

    from altar.adm import FunctionDeclaration
    from altar.later._mark import Mark

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["Registry", "RegistrySnapshot", "Replacement", "registry"]


_MAX_REPLACED = 1000
_MAX_WRAPPERS = 100


class Replacement:
    """A tool that another definition of its name, further on in the same file, replaced.

    ``name`` is the tool's, ``file`` the source file, ``line`` where the lost
    one stands and ``by_line`` where the one that counts does (decorators
    included).
    """

    __slots__ = ("by_line", "file", "line", "name")

    def __init__(self, name: str, *, file: str, line: int, by_line: int) -> None:
        self.name = name
        self.file = file
        self.line = line
        self.by_line = by_line

    def __repr__(self) -> str:
        where = f"file={self.file!r}, line={self.line}, by_line={self.by_line}"
        return f"Replacement({self.name!r}, {where})"


class RegistrySnapshot:
    """The tools of a registry at one moment: an immutable view that readers share.

    ``marks`` maps each name to its mark (callers must not change it), in the
    order of registration; ``replaced`` holds what :meth:`Registry.replaced` says.
    """

    __slots__ = ("_declarations", "_policies", "_wire", "marks", "replaced")

    def __init__(self, marks: dict[str, Mark], *, replaced: tuple[Replacement, ...] = ()) -> None:
        self.marks = marks
        self.replaced = replaced
        self._declarations: tuple[FunctionDeclaration, ...] | None = None
        self._policies: bool | None = None
        self._wire: dict[str, bytes] = {}

    def declarations(self) -> tuple[FunctionDeclaration, ...]:
        """Every tool's declaration, made on first use.

        Raises DeclarationError with the problems of every tool that cannot
        be declared.
        """
        made = self._declarations
        if made is None:
            from altar.later._declare import declare_marks  # noqa: PLC0415 - heavy; on first use

            made = self._declarations = declare_marks(self.marks.values())
        return made

    def wire(self, dialect: str = "json-schema") -> bytes:
        """All declarations as one compact JSON array, encoded once."""
        data = self._wire.get(dialect)
        if data is None:
            rows = [declaration.wire(dialect) for declaration in self.declarations()]
            data = self._wire[dialect] = b"[" + b",".join(rows) + b"]"
        return data

    def has_policies(self) -> bool:
        """True when a tool brings a policy of its own; looked for once."""
        found = self._policies
        if found is None:
            found = self._policies = has_policies(self.marks.values())
        return found

    def __len__(self) -> int:
        return len(self.marks)


class Registry:
    """Tools by name. Safe to use from any number of threads.

    Writers take a lock; readers never do: they share one immutable snapshot,
    made anew after a change.
    """

    __slots__ = ("_current", "_lock", "_marks", "_replaced")

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self._replaced: tuple[Replacement, ...] = ()
        self._current: RegistrySnapshot | None = None
        self._lock = allocate_lock()

    def register(self, fn: F, /, *, name: str | None = None, description: str | None = None) -> F:
        """Add any callable and return it; the callable itself is not touched.

        Raises RegistryError when the name belongs to another definition, and
        DeclarationError when it cannot be a tool's name.
        """
        self.note(mark_for(fn, name=name, description=description))
        return fn

    def note(self, mark: Mark) -> None:
        """Add a marked callable.

        A function defined again under the same module and qualified name
        replaces the old one, as a notebook or a reload does; see :meth:`replaced`.
        """
        name = mark.name
        with self._lock:
            old = self._marks.get(name)
            if old is not None:
                if not _is_same_definition(old, mark):
                    _clash(old, mark)
                self._remember(old, mark)
            self._marks[name] = mark
            self._current = None

    def remove(self, name: str) -> None:
        """Forget a tool; sessions that hold it keep it. Raises RegistryError if unknown."""
        with self._lock:
            if name not in self._marks:
                _unknown(name, self._marks)
            del self._marks[name]
            self._replaced = tuple(one for one in self._replaced if one.name != name)
            self._current = None

    def get(self, name: str) -> Mark:
        """The mark of a tool. Raises RegistryError, naming the nearest, if unknown."""
        mark = self._marks.get(name)
        return mark if mark is not None else _unknown(name, self._marks)

    def names(self) -> tuple[str, ...]:
        """The names, in the order of registration."""
        return tuple(self.snapshot().marks)

    def replaced(self) -> tuple[Replacement, ...]:
        """The tools that a later definition in the same file replaced, in that order.

        Seldom meant: the first of two functions of one name is lost in silence.
        A file that was edited and reloaded counts too; a notebook's cell, which
        is a file of its own, does not. The newest 1,000 are kept.
        """
        return self._replaced

    def snapshot(self) -> RegistrySnapshot:
        """The tools as they are now; also what :meth:`restore` takes."""
        current = self._current
        if current is None:
            with self._lock:
                current = self._current
                if current is None:
                    marks = dict(self._marks)
                    current = RegistrySnapshot(marks, replaced=self._replaced)
                    self._current = current
        return current

    def restore(self, snapshot: RegistrySnapshot) -> None:
        """Go back to an earlier snapshot, as a test does when it ends."""
        with self._lock:
            self._marks = dict(snapshot.marks)
            self._replaced = snapshot.replaced
            self._current = None

    def namespace(self, prefix: str) -> Registry:
        """A new registry that holds the tools whose names start with ``prefix``."""
        whole, part = self.snapshot(), Registry()
        part._marks = {name: mark for name, mark in whole.marks.items() if name.startswith(prefix)}
        part._replaced = tuple(one for one in whole.replaced if one.name.startswith(prefix))
        return part

    def declarations(self) -> tuple[FunctionDeclaration, ...]:
        """Every tool's declaration; see :meth:`RegistrySnapshot.declarations`."""
        return self.snapshot().declarations()

    def declare_all(self) -> tuple[FunctionDeclaration, ...]:
        """Declare every tool now, so that a bad signature fails before a model sees it."""
        return self.declarations()

    def wire(self, dialect: str = "json-schema") -> bytes:
        """All declarations as one compact JSON array, encoded once per change."""
        return self.snapshot().wire(dialect)

    def __contains__(self, name: object) -> bool:
        return name in self._marks

    def __iter__(self) -> Iterator[str]:
        return iter(self.snapshot().marks)

    def __len__(self) -> int:
        return len(self._marks)

    def __repr__(self) -> str:
        count = len(self._marks)
        return f"<Registry of {count} tool{'' if count == 1 else 's'}>"

    def _remember(self, old: Mark, new: Mark) -> None:
        """Keep that ``new`` replaced ``old`` where both stand in one file; under the lock."""
        first, second = _code_of(old.target), _code_of(new.target)
        if first is None or second is None or first.co_filename != second.co_filename:
            return
        line, by_line = first.co_firstlineno, second.co_firstlineno
        if line != by_line:
            one = Replacement(new.name, file=first.co_filename, line=line, by_line=by_line)
            self._replaced = (*self._replaced[1 - _MAX_REPLACED :], one)


def _is_same_definition(old: Mark, new: Mark) -> bool:
    first, second = old.target, new.target
    if first is second:
        return True
    if getattr(first, "__qualname__", None) != getattr(second, "__qualname__", ""):
        return False
    if first.__module__ == second.__module__:
        return True
    # a script is __main__ and may be imported once more under its own name
    return _place(first) == _place(second)


def _code_of(fn: Any) -> Any:
    """The code of a function, of the wrapped one where functools.wraps was used, or None."""
    for _ in range(_MAX_WRAPPERS):
        inner = getattr(fn, "__wrapped__", None)
        if inner is None:
            break
        fn = inner
    return getattr(fn, "__code__", None)


def _place(fn: object) -> str:
    code = _code_of(fn)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    return f"{getattr(fn, '__module__', '?')}.{getattr(fn, '__qualname__', repr(fn))}"


def _clash(old: Mark, new: Mark) -> NoReturn:
    from altar.errors import RegistryError  # noqa: PLC0415 - errors loads enum; only on failure

    raise RegistryError(
        f"two tools are called {new.name!r}: one defined at {_place(old.target)}, "
        f"the other at {_place(new.target)}; rename one with @tool(name=...) "
        f"or drop the first with altar.registry.remove({new.name!r})"
    )


def _unknown(name: str, known: dict[str, Mark]) -> NoReturn:
    from difflib import get_close_matches  # noqa: PLC0415 - loads re; only on failure

    from altar.errors import RegistryError  # noqa: PLC0415 - errors loads enum; only on failure

    near = get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    shown = ", ".join(list(known)[:20]) or "none"
    raise RegistryError(f"no tool is registered as {name!r}{hint} (registered: {shown})")


registry = Registry()
