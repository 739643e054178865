"""Docstrings taken apart: what the tool does, and what each parameter means.

Google, NumPy, reST/Sphinx, Epydoc and PEP 257 (``name -- text``) are read line
by line, mixed as they come. Nothing here raises, and the time is linear.
"""

from __future__ import annotations

from altar.later.docstring._fields import (
    field_kind,
    is_listed,
    parse_entry,
    parse_field,
    split_names,
)

__all__ = ["Docstring", "parse"]

# Section titles. p: parameters, a: attributes, r: returns, y: yields, e: raises,
# x: ends the description and is not read, n: an aside, text when it stands before the sections.
_TITLES: dict[str, tuple[str, ...]] = {
    "p": (
        *("args", "arguments", "params", "parameters", "argument", "parameter", "kwargs"),
        *("keyword args", "keyword arguments", "keyword parameters", "named arguments"),
        *("other args", "other arguments", "other parameters", "receives"),
        *("optional args", "optional arguments", "optional parameters"),
    ),
    "a": ("attributes", "attribute", "attrs", "fields", "class attributes", "instance attributes"),
    "r": ("return", "returns"),
    "y": ("yield", "yields"),
    "e": ("raise", "raises", "except", "exceptions"),
    "x": (
        *("example", "examples", "reference", "references", "methods", "see also", "todo"),
        *("return type", "type parameters", "warns", "usage"),
    ),
    "n": (
        *("attention", "caution", "danger", "hint", "important", "note", "notes"),
        *("tip", "warning", "warnings"),
    ),
}
_SECTIONS = {title: kind for kind, titles in _TITLES.items() for title in titles}
_LONGEST = max(map(len, _SECTIONS)) + 1
_RULES = frozenset(("---", "===", "~~~"))
_FIELD_MARKS = frozenset(":@")
_LIST_STARTS = frozenset("-*+\u2022|>`0123456789")


class Docstring:
    """A docstring's parts.

    ``summary`` is the text before the sections, dedented, lines kept;
    ``params`` and ``attributes`` map names (stars stripped) to their text
    without the type; ``returns`` (or yields) is text or None; ``raises``
    holds (exception name, text) pairs.
    """

    __slots__ = ("attributes", "params", "raises", "returns", "summary")

    def __init__(self, summary: str = "") -> None:
        self.summary = summary
        self.params: dict[str, str] = {}
        self.attributes: dict[str, str] = {}
        self.returns: str | None = None
        self.raises: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Docstring({self.summary!r}, params={self.params!r})"

    def add(self, kind: str, names: tuple[str, ...], text: str) -> None:
        """File ``text`` under its kind; what was said first stays."""
        if kind == "p" or kind == "a":
            known = self.params if kind == "p" else self.attributes
            for name in names:
                if not known.get(name):
                    known[name] = text
        elif kind == "e":
            self.raises += tuple((name, text) for name in names)
        elif kind in ("r", "y") and not self.returns:
            self.returns = text or None


def parse(doc: str | None) -> Docstring:
    """Take a docstring apart, in whatever of the five styles it is written."""
    if not doc:
        return Docstring()
    page = _Page(doc)
    start = page.first_section()
    found = Docstring(page.summary(start))
    size = len(page.texts)
    while start < size:
        start = page.read(start, found)
    return found


class _Page:
    """The lines of one docstring, stripped, with their indents."""

    __slots__ = ("indents", "lines", "margin", "texts")

    def __init__(self, doc: str) -> None:
        lines = (doc.expandtabs(8) if "\t" in doc else doc).splitlines()
        texts = [line.strip() for line in lines]
        indents = [len(line) - len(line.lstrip()) for line in lines]
        margin = min([i for i, text in zip(indents[1:], texts[1:]) if text], default=indents[0])  # noqa: B905
        # the first line stands behind the quotes: its indent says nothing
        indents[0] = margin - 1
        self.lines, self.texts, self.indents, self.margin = lines, texts, indents, margin

    def summary(self, end: int) -> str:
        """The description: the lines before ``end``, dedented."""
        margin = self.margin
        lines = [line[margin:].rstrip() for line in self.lines[1:end]]
        return "\n".join([*self.texts[: 1 if end else 0], *lines]).strip()

    def first_section(self) -> int:
        """Where the description ends."""
        indents, margin, odd = self.indents, self.margin, 0
        for at, text in enumerate(self.texts):
            if not text or not (opening := self.opening(at)):
                continue
            if indents[at] > margin:  # an odd indent hides no parameters, if nothing else does
                odd = odd or (at if opening[0] == "p" else 0)
            elif opening != "ng":
                return at
        return odd or len(self.texts)

    def opening(self, at: int) -> str:
        """What starts on this line: kind and style (g, n or f for a field), or nothing."""
        text = self.texts[at]
        if text[0] in _FIELD_MARKS:
            kind = field_kind(text)
            return kind + "f" if kind else ""
        if len(text) > _LONGEST:
            return ""
        title = text.lower()
        after = self.texts[at + 1][:3] if at + 1 < len(self.texts) else ""
        if title[-1] == ":":
            kind = _SECTIONS.get(title[:-1].rstrip(), "")
            return kind and kind + ("n" if after in _RULES else "g")
        kind = _SECTIONS.get(title, "") if after in _RULES else ""
        return kind and kind + "n"

    def read(self, at: int, found: Docstring) -> int:
        """Read the section or field at this line, if one is; returns the line after it."""
        text = self.texts[at]
        if not text:
            return at + 1
        if text[0] in _FIELD_MARKS:
            return self._field(at, found)
        opening = self.opening(at)
        if not opening:
            return at + 1
        kind, style = opening[0], opening[1]
        start = at + (2 if style == "n" else 1)
        if kind in "pae":
            return _Entries(self, opening, self.indents[at], found).read(start)
        end = self._block_end(start, self.indents[at], style)
        if kind in "ry":
            found.add(kind, (), self._result(start, end, style))
        return end

    def _field(self, at: int, found: Docstring) -> int:
        """``:param x: text`` and the lines that go on with it."""
        field = parse_field(self.texts[at])
        if field is None:
            return at + 1
        kind, name, text = field
        end, size, indent, open_ = at + 1, len(self.texts), self.indents[at], True
        while end < size:
            line = self.texts[end]
            if not line:
                open_ = False
            elif self.indents[end] <= indent and (
                not open_ or line[0] in _FIELD_MARKS or self.opening(end)
            ):
                break
            end += 1
        if kind != "t" and (name.isidentifier() or kind in "rye"):
            found.add(kind, (name,), self.flow(text, at + 1, end))
        return end

    def _block_end(self, at: int, indent: int, style: str) -> int:
        """Where a section of prose ends: at the next opening, or where the indent does."""
        size = len(self.texts)
        while at < size:
            shallow = self.texts[at] and self.indents[at] <= indent
            if shallow and (style == "g" or self.opening(at)):
                break
            at += 1
        return at

    def _result(self, start: int, end: int, style: str) -> str:
        """The text of a Returns section; NumPy's type line gives way to the text under it."""
        lines = [at for at in range(start, end) if self.texts[at]]
        if style == "n" and len(lines) > 1 and self.indents[lines[1]] > self.indents[lines[0]]:
            start = lines[1]
        return self.flow("", start, end)

    def flow(self, text: str, start: int, end: int) -> str:
        """One description from its first text and the lines after it.

        Wrapped prose becomes one line; lists, deeper indents, code and blank
        lines keep their breaks.
        """
        if start >= end:
            return text
        indents, texts = self.indents, self.texts
        parts = [text] if text else []
        base, gap = -1, ""
        for at in range(start, end):
            line = texts[at]
            if not line:
                gap = "\n"
                continue
            deeper = 0 if base < 0 else indents[at] - base
            base = indents[at] if base < 0 else base
            if deeper > 0 or line[0] in _LIST_STARTS:
                line = f"\n{gap}{' ' * deeper}{line}"
            elif parts:
                line = f"\n\n{line}" if gap else f" {line}"
            parts.append(line)
            gap = ""
        return "".join(parts).strip()


class _Entries:
    """A section of entries, read line by line: parameters, attributes or exceptions."""

    __slots__ = ("first", "found", "indent", "kind", "listed", "names", "page", "start", "style")

    def __init__(self, page: _Page, opening: str, indent: int, found: Docstring) -> None:
        self.page, self.found, self.indent = page, found, indent
        self.kind, self.style = opening[0], opening[1]
        self.names: tuple[str, ...] = ()
        self.first = ""
        self.start = 0
        self.listed = False

    def read(self, at: int) -> int:
        """File every entry from this line on; returns the line after the section."""
        page, title = self.page, self.indent
        texts, indents, size = page.texts, page.indents, len(page.texts)
        while at < size and not texts[at]:
            at += 1
        if at == size:
            return at
        entry, gap = indents[at], False
        loose = entry <= title or self.style == "n"  # entries stand no deeper than their title
        self.listed = is_listed(texts[at])
        while at < size:
            text, indent = texts[at], indents[at]
            if text and indent <= entry:
                if not loose and indent <= title:
                    break
                if (loose or indent < entry) and page.opening(at):
                    break
                if not self._starts(at) and loose and (gap or not self.names):
                    if self.style == "g":
                        break
                    self._file(at)
            gap = not text
            at += 1
        self._file(at)
        return at

    def _starts(self, at: int) -> bool:
        """Whether an entry starts on this line; if so the one before it is filed."""
        text = self.page.texts[at]
        if is_listed(text) != self.listed:
            return False
        if self.listed:
            text = text[2:].lstrip()
        entry = self._split(text, at)
        if entry is None:
            return False
        self._file(at)
        self.names, self.first = entry
        self.start = at + 1
        return True

    def _split(self, text: str, at: int) -> tuple[tuple[str, ...], str] | None:
        head, colon, rest = text.partition(":")
        under = at + 1 < len(self.page.texts) and self.page.texts[at + 1] != ""
        under = under and self.page.indents[at + 1] > self.page.indents[at]
        if self.kind == "e":
            name = head.strip("`")
            return None if " " in name or not (colon or under) else ((name,), rest.lstrip())
        if self.style == "n":
            names = split_names(head.rstrip())
            # after a bare colon with nothing under it stands the text, not the type
            first = rest.strip() if rest and not under and not head.endswith(" ") else ""
            return (names, first) if names else None
        entry = parse_entry(text)
        if entry is None and under and (names := split_names(text)):
            return names, ""
        return entry

    def _file(self, end: int) -> None:
        if self.names:
            text = self.page.flow(self.first, self.start, end)
            self.found.add(self.kind, self.names, text)
            self.names = ()
