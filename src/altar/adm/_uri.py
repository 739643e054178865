"""URI references (RFC 3986, section 5): just enough to resolve $id and $ref."""

from __future__ import annotations

__all__ = ["join_uri", "split_fragment", "unquote"]


def split_fragment(uri: str) -> tuple[str, str]:
    """The URI without its fragment, and the fragment ("" when there is none)."""
    base, _, fragment = uri.partition("#")
    return base, fragment


def join_uri(base: str, reference: str) -> str:
    """The reference resolved against a base URI that may itself be relative or empty."""
    if not reference:
        return base
    scheme, authority, path, query = _split(reference)
    if scheme or not base:
        return reference
    base_scheme, base_authority, base_path, base_query = _split(base)
    if authority is not None:
        return _unsplit(base_scheme, authority, _no_dots(path), query)
    if not path:
        query = base_query if query is None else query
        return _unsplit(base_scheme, base_authority, base_path, query)
    if not path.startswith("/"):
        head = base_path.rpartition("/")[0] + "/" if "/" in base_path else ""
        if base_authority is not None and not head:
            head = "/"
        path = head + path
    return _unsplit(base_scheme, base_authority, _no_dots(path), query)


def unquote(text: str) -> str:
    """The text with its percent-encoded UTF-8 decoded."""
    if "%" not in text:
        return text
    head, *rest = text.encode("utf-8", "surrogatepass").split(b"%")
    out = bytearray(head)
    for part in rest:
        try:
            out += bytes.fromhex(part[:2].decode("ascii"))
        except ValueError:
            out += b"%" + part
        else:
            out += part[2:]
    return out.decode("utf-8", "replace")


def _split(uri: str) -> tuple[str, str | None, str, str | None]:
    scheme, colon, rest = uri.partition(":")
    if not colon or not scheme.isascii() or not scheme[:1].isalpha() or "/" in scheme:
        scheme, rest = "", uri
    query: str | None
    rest, mark, query = rest.partition("?")
    if not mark:
        query = None
    if not rest.startswith("//"):
        return scheme, None, rest, query
    authority, slash, path = rest[2:].partition("/")
    return scheme, authority, slash + path, query


def _unsplit(scheme: str, authority: str | None, path: str, query: str | None) -> str:
    head = f"{scheme}:" if scheme else ""
    if authority is not None:
        head += f"//{authority}"
    return head + path + (f"?{query}" if query is not None else "")


def _no_dots(path: str) -> str:
    out: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            if len(out) > 1 or (out and out[0]):
                out.pop()
        elif part != ".":
            out.append(part)
    if parts[-1] in (".", ".."):
        out.append("")
    return "/".join(out)
