"""One line of a docstring: is it an entry, a field, and of which names?"""

from __future__ import annotations

__all__ = ["field_kind", "is_listed", "parse_entry", "parse_field", "split_names"]

_DASHES = (" -- ", " --- ", " \u2013 ", " \u2014 ", " - ")
_CLOSERS = {"(": ")", "[": "]"}
_BULLETS = frozenset(("- ", "* ", "+ ", "\u2022 "))

# The words of ``:word name: text`` and ``@word name: text``. p: parameters, a: attributes,
# r: returns, y: yields, e: raises, t: a type, which the signature knows better.
_WORDS = {
    "param": "p",
    "parameter": "p",
    "arg": "p",
    "argument": "p",
    "key": "p",
    "keyword": "p",
    "kwarg": "p",
    "kwparam": "p",
    "var": "a",
    "ivar": "a",
    "cvar": "a",
    "attr": "a",
    "attribute": "a",
    "return": "r",
    "returns": "r",
    "yield": "y",
    "yields": "y",
    "raise": "e",
    "raises": "e",
    "except": "e",
    "exception": "e",
    "type": "t",
    "kwtype": "t",
    "vartype": "t",
    "rtype": "t",
    "ytype": "t",
}


def split_names(text: str) -> tuple[str, ...]:
    """The names in ``x``, ``x, y``, ``*args, **kwargs`` or ```x```; empty when it is prose."""
    if text.isidentifier():
        return (text,)
    names = tuple([part.strip(" *`\\\"'") for part in text.split(",")])
    for name in names:
        if not name.isidentifier():
            return ()
    return names


def is_listed(text: str) -> bool:
    """True for a line that starts with a bullet."""
    return text[:2] in _BULLETS


def parse_entry(text: str) -> tuple[tuple[str, ...], str] | None:
    """Names and text of ``x: text``, ``x (int): text``, ``x -- text``; None for prose."""
    head, colon, rest = text.partition(":")
    if colon and head.isidentifier():
        return None if rest[:1] in ("/", ":") and rest else ((head,), rest.lstrip())
    bracket = _first_bracket(head)
    if bracket > 0 and (names := split_names(_cut_default(head[:bracket]))):
        return _after_type(names, text, bracket)
    if colon and (names := split_names(_cut_default(head))):
        return names, rest.lstrip()
    for dash in _DASHES:
        head, found, rest = text.partition(dash)
        if found and (names := split_names(head)):
            return names, rest.lstrip()
    return None


def _first_bracket(head: str) -> int:
    rounded, squared = head.find("("), head.find("[")
    if rounded < 0 or squared < 0:
        return max(rounded, squared)
    return min(rounded, squared)


def _cut_default(head: str) -> str:
    """``x = 5`` is documented under ``x``."""
    return head.partition("=")[0].rstrip()


def _after_type(
    names: tuple[str, ...], text: str, bracket: int
) -> tuple[tuple[str, ...], str] | None:
    """Step over ``(int, optional)``, whatever it nests, and read what follows."""
    opener = text[bracket]
    closer = _CLOSERS[opener]
    end = text.find(closer, bracket) + 1
    if end and opener in text[bracket + 1 : end]:
        end = _closing(text, bracket, opener, closer) + 1
    if not end:
        return None
    rest = text[end:].lstrip()
    if rest[:1] == ":":
        return names, rest[1:].lstrip()
    if rest[:1] == "=":
        _, colon, rest = rest.partition(":")
        return (names, rest.lstrip()) if colon else None
    for dash in _DASHES:
        if rest.startswith(dash.lstrip()):
            return names, rest[len(dash) - 1 :].lstrip()
    return None if rest else (names, "")


def _closing(text: str, start: int, opener: str, closer: str) -> int:
    depth = 0
    for at in range(start, len(text)):
        if text[at] == opener:
            depth += 1
        elif text[at] == closer:
            depth -= 1
            if not depth:
                return at
    return -1


def field_kind(text: str) -> str:
    """The kind of field this line starts, or nothing."""
    word, colon, rest = text[1:].partition(" ")[0].partition(":")
    if colon and rest[:1] == "`":
        return ""  # ":type:`x`" is a role in prose, not a field
    return _WORDS.get(word, "")


def parse_field(text: str) -> tuple[str, str, str] | None:
    """Kind, name and text of ``:param int x: text`` or ``@param x: text``; None for prose.

    The name is empty when the field has none, or none that can be a parameter.
    """
    kind = field_kind(text)
    if not kind:
        return None
    if kind == "t":
        return kind, "", ""
    word, colon, _ = text[1:].partition(" ")[0].partition(":")
    end = len(word) + 1
    if colon:
        return kind, "", text[end + 1 :].lstrip()
    stop = _field_colon(text, end)
    head = (text[end:stop] if stop >= 0 else text[end:]).split()
    if text[0] == ":":
        return None if stop < 0 else (kind, _name(head), text[stop + 1 :].lstrip())
    if stop >= 0 and (len(head) <= 2 or "[" in head[0]):
        return kind, _name(head), text[stop + 1 :].lstrip()
    return kind, _name(head[:1]), " ".join(text[end:].split()[1:])


def _field_colon(text: str, start: int) -> int:
    """The colon that ends a field's head: the first one outside of brackets."""
    at = text.find(":", start)
    if at < 0 or ("[" not in text[start:at] and "(" not in text[start:at]):
        return at
    depth = 0
    for here in range(start, len(text)):
        char = text[here]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == ":" and depth <= 0:
            return here
    return at


def _name(head: list[str]) -> str:
    return head[-1].strip("*`\\\"',") if head else ""
