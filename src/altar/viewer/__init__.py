"""Viewer: a trace file as a tree in a terminal, and as a page in a browser."""

from __future__ import annotations

from altar._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar.viewer._export import save
    from altar.viewer._server import Viewer, serve

__all__ = ["Viewer", "save", "serve"]

_HOMES = {
    "Viewer": "altar.viewer._server",
    "save": "altar.viewer._export",
    "serve": "altar.viewer._server",
}
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
