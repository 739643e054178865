"""Defaults in schemas: as JSON where JSON can say them and the type accepts them."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from altar.later.hints._dump import DumpError, dump
from altar.later.hints._nodes import encode
from altar.later.hints._report import Report

if TYPE_CHECKING:
    from altar.later.hints._nodes import Node

__all__ = ["default_text"]


def default_text(node: Node, default: Any) -> str | None:
    """A default as JSON text, or None when JSON cannot say it or the schema would refuse it."""
    cls = default.__class__
    if default is None:
        return "null" if _accepts(node, None) else None
    if cls is bool:
        return "true" if default else "false"
    if cls is str and default.isascii():
        return encode_basestring_ascii(default)
    if cls is int:
        return str(default) if -(2**63) <= default < 2**63 else None
    try:
        found = dump(default)
    except DumpError:
        return None
    if found.notes or found.truncated or not _accepts(node, found.content):
        return None
    return encode(found.content)


def _accepts(node: Node, value: Any) -> bool:
    report = Report(strict=True)
    node.load(value, None, report)
    return not report.problems
