"""W3C Trace Context, level 2: where this program's spans belong, as the text that travels.

https://www.w3.org/TR/trace-context-2/ says which headers count: a header that
breaks a rule is ignored, and what comes from a later version is read as far as
this one knows it.
"""

from __future__ import annotations

from altar.trace._span import Parent

__all__ = ["parse_traceparent", "traceparent_text"]

_HEX = frozenset("0123456789abcdef")  # upper case is malformed
_LENGTH = 55  # of version 00, and of what every later version begins with
_MOST_STATE = 8192  # characters of a tracestate that are carried on; W3C asks for 512 at least


def parse_traceparent(header: object, state: object = None) -> Parent | None:
    """The parent that a ``traceparent`` header names; None when it is malformed.

    ``state`` is the ``tracestate`` that came with it: carried on, never read.
    """
    if not isinstance(header, str):
        return None
    text = header.strip(" \t")
    version, trace, span, flags = text[:2], text[3:35], text[36:52], text[53:55]
    if len(text) < _LENGTH or text[2] + text[35] + text[52] != "---":
        return None
    if not _HEX.issuperset(version + trace + span + flags) or version == "ff":
        return None
    if len(text) > _LENGTH and (version == "00" or text[_LENGTH] != "-"):
        return None
    trace_id, span_id = int(trace, 16), int(span, 16)
    if not trace_id or not span_id:
        return None
    carried = None  # what may not stand in a header is not carried on
    if isinstance(state, str) and 0 < len(state) <= _MOST_STATE and _is_printable(state):
        carried = state
    return Parent(trace_id, span_id, sampled=bool(int(flags, 16) & 1), state=carried)


def _is_printable(text: str) -> bool:
    return text.isascii() and text.replace("\t", " ").isprintable()


def traceparent_text(trace_id: int, span_id: int, *, sampled: bool) -> str:
    """The ``traceparent`` header of a span."""
    return f"00-{trace_id:032x}-{span_id:016x}-{'01' if sampled else '00'}"
