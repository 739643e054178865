"""Writing schemas by the strict rules of ADM 1.0, with a report of all it cannot say."""

from __future__ import annotations

from typing import Any

from altar.adm._rendered import Rendered

__all__ = ["render_adm10"]


def render_adm10(document: Any) -> Rendered:
    return Rendered(document, ())
