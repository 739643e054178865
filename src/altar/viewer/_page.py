"""The page: its parts joined into one HTML text that asks nothing of anybody."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from importlib.resources import files

__all__ = ["SCRIPTS", "page", "policy", "with_data"]

# in this order: each uses only what stands before it, app.js starts it all
SCRIPTS = (
    "dom.js", "format.js", "source.js", "rows.js", "tree.js", "list.js", "axis.js",
    "waterfall.js", "detail.js", "chat.js", "tables.js", "trace.js", "diff.js", "compare.js",
    "help.js", "app.js",
)  # fmt: skip
_DATA = "<!--DATA-->"


@functools.cache
def _parts() -> tuple[str, str, str]:
    folder = files("altar.viewer") / "page"
    read = [(folder / name).read_text(encoding="utf-8") for name in SCRIPTS]
    script = '"use strict";\n(() => {\n' + _lean("\n".join(read)) + "})();\n"
    style = _lean((folder / "style.css").read_text(encoding="utf-8"))
    style = re.sub(r"\s*([{};])\s*", r"\1", style)
    return (folder / "page.html").read_text(encoding="utf-8"), style, script


def _lean(text: str) -> str:
    """Without indentation and comment lines; no text of the page runs over several lines."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/*"))) + "\n"


def policy(*, alone: bool = False) -> str:
    """The Content-Security-Policy: this style, this script, this server, nothing else.

    ``alone``: of a saved file, which has no server to ask.
    """
    _, style, script = _parts()
    rules = [
        "default-src 'none'",
        f"script-src 'sha256-{_hash(script)}'",
        f"style-src 'sha256-{_hash(style)}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    if not alone:
        rules += ["connect-src 'self'", "frame-ancestors 'none'"]
    return "; ".join(rules)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@functools.cache
def page() -> str:
    """The page as the server sends it."""
    return _joined("", "")


@functools.cache
def with_data() -> tuple[str, str]:
    """The page of a saved file: what stands before its data, and what after."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy(alone=True)}">'
    before, _, after = _joined(meta, _DATA).partition(_DATA)
    open_tag = '<script type="application/json" id="data">'
    return before + open_tag, "</script>" + after


def _joined(meta: str, data: str) -> str:
    html, style, script = _parts()
    for mark, text in (("META", meta), ("STYLE", style), ("DATA", data), ("SCRIPT", script)):
        html = html.replace(f"{{{{{mark}}}}}", text, 1)
    return html
