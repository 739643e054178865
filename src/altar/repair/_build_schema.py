"""What a schema has to say while a value grows, so that views agree with the coerced value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.repair._coerce import coerce
from altar.repair._coerce_names import Fuzz
from altar.repair._fit import MOST_LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.repair._build_hook import Kind
    from altar.repair._schema_node import Node

__all__ = ["Fitting"]

_MOST_NAMES = 64  # of one object; with more, unknown ones are shown as they came


class Fitting:
    """A hook for the builder: names and scalars are shown as ``coerce()`` will have them.

    What the schema wants in another shape is held until it is whole, and so
    are texts that are to become a number or one of an enum. What depends on
    members that have not come yet is shown as it came. ``read`` is that of
    ``coerce()``. ``is_clear`` says whether what came looks like what is asked:
    an object does from the first of its names that the schema knows.
    """

    __slots__ = ("_fuzz", "_nodes", "_read", "_root", "_seen", "is_clear")

    def __init__(self, node: Node, read: Callable[[str], Any] | None = None) -> None:
        self._root = node
        self._read = read
        self._fuzz = Fuzz()
        self._nodes: list[Node | None] = []  # of what is open
        self._seen: list[list[str]] = []  # the names that came in each
        self.is_clear = True

    def name(self, name: str) -> str:
        """The name the schema has for this one."""
        name = self._known(name)
        if not self.is_clear and len(self._nodes) == 1:
            self.is_clear = name in self._root.props or name in self._root.required
        return name

    def _known(self, name: str) -> str:
        node = self._nodes[-1] if self._nodes else None
        if node is None or node.branches:
            return name
        seen = self._seen[-1]
        if len(seen) < _MOST_NAMES:
            seen.append(name)
            if not node.knows(name):
                sure, near = self._fuzz.renames(seen, node)
                return sure.get(name) or near.get(name) or name
        return name

    def opens(self, step: str | int, kind: Kind) -> bool:
        """True where the schema takes a value of this kind as it is."""
        node = self._below(step)
        if kind == "string":
            return node is None or str in node.sound
        if node is not None and node.branches:
            takers = [branch for branch in node.branches if kind in branch.types]
            if not takers:
                return False
            node = takers[0] if len(takers) == 1 else None
        if node is not None and (kind not in node.types or node.enum is not None):
            return False
        if not self._nodes and kind == "object" and node is not None:
            # until then it may be a wrapper, or what is said before the answer
            self.is_clear = not (node.required or (node.props and not node.is_open))
        self._nodes.append(node)
        self._seen.append([])
        return True

    def closes(self) -> None:
        """Back to what is around."""
        self._nodes.pop()
        self._seen.pop()

    def leaf(self, step: str | int, value: Any) -> Any:
        """The value as the schema asks for it."""
        node = self._below(step)
        if node is None or value.__class__ in node.sound:
            return value
        return coerce(value, node, read=self._read)[0]

    def _below(self, step: str | int) -> Node | None:
        nodes = self._nodes
        if not nodes:
            return self._root
        node = nodes[-1]
        if node is None or len(nodes) > MOST_LEVELS:
            return None
        return node.key(step) if isinstance(step, str) else node.item(step)
