"""Annotations as objects: strings evaluated name by name, against what the code can see."""

from __future__ import annotations

import builtins
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

__all__ = ["Scope", "Unresolved", "annotations_of", "class_annotations", "scope_of_class"]


class Unresolved:
    """Stands for a name that only a type checker can see.

    It can be subscripted, joined with ``|``, called and asked for attributes,
    so that the annotation around it still evaluates.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, item: Any) -> Unresolved:
        return self

    def __or__(self, other: Any) -> Unresolved:
        return self

    __ror__ = __or__

    def __call__(self, *args: Any) -> Unresolved:
        return self

    def __getattr__(self, name: str) -> Unresolved:
        if name.startswith("__"):
            raise AttributeError(name)
        return Unresolved(f"{self.name}.{name}")

    def __repr__(self) -> str:
        return self.name


class _Names(dict[str, Any]):
    """Local names first, then the module's, then the builtins; anything else is Unresolved."""

    __slots__ = ("module",)

    module: dict[str, Any]

    def __missing__(self, name: str) -> Any:
        found = self.module.get(name, self)
        if found is not self:
            return found
        return getattr(builtins, name, None) or Unresolved(name)


class Scope:
    """Where the names of one function or class are looked up.

    ``typevars`` maps the type parameters of a generic class to its arguments,
    ``owner`` is what ``Self`` means.
    """

    __slots__ = ("module", "names", "owner", "typevars")

    def __init__(
        self,
        module: dict[str, Any],
        names: dict[str, Any] | None = None,
        *,
        owner: Any = None,
        typevars: dict[Any, Any] | None = None,
    ) -> None:
        self.module = module
        self.names = names or {}
        self.owner = owner
        self.typevars = typevars or {}

    def evaluate(self, text: str) -> Any:
        """The object a string annotation means; raises what evaluating it raises."""
        names = self.names
        if text.isidentifier():
            if text in names:
                return names[text]
            if text == "None":
                return None
            found = self.module.get(text, self)
            return (getattr(builtins, text, None) or Unresolved(text)) if found is self else found
        local = _Names(names)
        local.module = self.module
        # typing's C code imports on the way, so the builtins must be the real ones
        space = {"__builtins__": builtins}
        return eval(_compiled(text), space, local)  # noqa: S307 - the user's own code

    def lookup(self, ref: Any) -> Any:
        """The object a ForwardRef means."""
        module = getattr(ref, "__forward_module__", None)
        if isinstance(module, str):
            module = sys.modules.get(module)
        scope = self
        if module is not None and module.__dict__ is not self.module:
            scope = Scope(module.__dict__, self.names, owner=self.owner, typevars=self.typevars)
        return scope.evaluate(ref.__forward_arg__)


@lru_cache(maxsize=512)
def _compiled(text: str) -> CodeType:
    return compile(text.strip(), "<annotation>", "eval")


if sys.version_info >= (3, 14):
    import annotationlib

    def annotations_of(fn: Any) -> dict[str, Any]:
        """The annotations of a function or class; unknown names come as ForwardRefs."""
        return annotationlib.get_annotations(fn, format=annotationlib.Format.FORWARDREF)

    class_annotations: Callable[[Any], dict[str, Any]] = annotations_of
else:

    def annotations_of(fn: Any) -> dict[str, Any]:
        """The annotations of a function; strings stay strings."""
        found: dict[str, Any] = getattr(fn, "__annotations__", None) or {}
        return found

    def class_annotations(cls: Any) -> dict[str, Any]:
        """The annotations a class itself makes, without its bases'."""
        found: dict[str, Any] = vars(cls).get("__annotations__") or {}
        return found


_NO_MODULE: Final[dict[str, Any]] = {}


def module_of(thing: Any) -> dict[str, Any]:
    """The names of the module that defines a class or callable."""
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    return _NO_MODULE if module is None else module.__dict__


def scope_of_class(cls: Any, outer: Scope, typevars: dict[Any, Any] | None = None) -> Scope:
    """Where a class's own annotations are looked up.

    Its module comes first; what the function around a local class can see
    fills in the rest, as do the class's own name and type parameters.
    """
    module = module_of(cls)
    names = {name: value for name, value in outer.names.items() if name not in module}
    names[cls.__name__] = cls
    for param in getattr(cls, "__type_params__", ()):
        names[param.__name__] = param
    return Scope(module, names, owner=cls, typevars=typevars)


def scope_of_function(fn: Any, marked: dict[str, Any] | None) -> Scope:
    """Where a function's string annotations are looked up: mark, closure, type parameters."""
    names: dict[str, Any] = dict(marked) if marked else {}
    closure = getattr(fn, "__closure__", None)
    if closure:
        for name, cell in zip(fn.__code__.co_freevars, closure, strict=False):
            try:
                names.setdefault(name, cell.cell_contents)
            except ValueError:  # a name that is not bound yet
                continue
    for param in getattr(fn, "__type_params__", ()):
        names[param.__name__] = param
    module = getattr(fn, "__globals__", None)
    return Scope(module_of(fn) if module is None else module, names)
