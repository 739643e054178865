"""declare: from a callable to its FunctionDeclaration."""

from __future__ import annotations

import warnings
from json import loads
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, Final

from altar.adm import FunctionDeclaration
from altar.errors import DeclarationError
from altar.later._mark import fields_said, mark_for, mark_of
from altar.later._signature import Parameter, Signature, read_signature
from altar.later.hints._callables import VAR_KEYWORD, VAR_POSITIONAL
from altar.later.hints._defaults import default_text
from altar.later.hints._nodes import Refs, described, encode
from altar.later.hints._nodes_container import field_schema
from altar.later.hints._nodes_record import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.later._mark import Mark

__all__ = ["declaration_of", "declare", "declare_marks", "parameters_text"]

_quote: Final = encode_basestring_ascii


def declare(
    fn: Any, *, name: str | None = None, description: str | None = None
) -> FunctionDeclaration:
    """The declaration of any callable, decorated or not.

    ``name`` and ``description`` replace the callable's own. Nothing is
    registered or changed, and no file is read. Raises DeclarationError with
    every problem: the parameter, its type and what to write instead.
    """
    signature = _signature_of(fn, mark_of(fn))
    if name is not None:
        signature.name = mark_for(lambda: None, name=name).name
    if description is not None:
        text: object = description
        if not isinstance(text, str) or not text.strip():
            problem = f"description={description!r}: give a text that is not blank"
            raise DeclarationError(signature.name, [problem])
        signature.description = description
    return declaration_of(signature)


def declare_marks(marks: Iterable[Mark]) -> tuple[FunctionDeclaration, ...]:
    """The declarations of marked callables; each is made once and kept with its mark.

    Raises one DeclarationError with the problems of every tool that cannot be
    declared; the others keep their declarations.
    """
    made = []
    failures: list[DeclarationError] = []
    for mark in marks:
        declaration = mark.declaration
        if declaration is None:
            try:
                declaration = mark.declaration = declaration_of(_signature_of(mark.target, mark))
            except DeclarationError as error:
                failures.append(error)
                continue
        made.append(declaration)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        problems = [str(failure) for failure in failures]
        raise DeclarationError(f"{len(failures)} tools cannot be declared", problems)
    return tuple(made)


def _signature_of(fn: Any, mark: Mark | None) -> Signature:
    options = mark.options if mark is not None else None
    signature = read_signature(fn, mark=mark, strict=options is not None and options.strict)
    signature.said = fields_said(options)
    if mark is not None and options is not None and options.isolate:
        _check_isolated(mark, signature)
    return signature


def _check_isolated(mark: Mark, signature: Signature) -> None:
    """Refuse what cannot run in a worker process, however it were called."""
    from altar.later._crossing import obstacle  # noqa: PLC0415 - where a tool is isolated

    problem = obstacle(mark)
    if problem is None and signature.deps is not None:
        problem = (
            f"it takes dependencies ({signature.deps}), and Python objects do not cross into a "
            "worker process: let its module make what it needs"
        )
    if problem is None and mark.options is not None and mark.options.inline:
        problem = "inline=True and isolate=True are said of it: it can run in one place, drop one"
    if problem is not None:
        raise DeclarationError(f"the isolated tool {signature.name}", [problem])


def declaration_of(signature: Signature) -> FunctionDeclaration:
    """The declaration of a signature that was read already; its warnings are issued."""
    for text in signature.warnings:
        warnings.warn(f"{signature.name}: {text}", stacklevel=3)
    return FunctionDeclaration.trusted(
        legal_name(signature.name),
        signature.description or _in_words(signature.name),
        parameters_text(signature),
        _extensions_text(signature),
    )


def parameters_text(signature: Signature) -> str:
    """The parameters as compact JSON Schema text."""
    properties = []
    required = []
    for param in signature.params:
        if param.name == signature.context or param.kind == VAR_KEYWORD:
            continue
        text = None if param.kind == VAR_POSITIONAL else param.node.text()
        if text is None:
            return encode(_document(signature))
        name = _quote(param.name)
        if param.required:
            required.append(name)
        properties.append(f"{name}:{{{_beside(param, text)}}}")
    rest = _rest(signature, Refs())
    if rest is not False:
        return encode(_document(signature))
    needed = f',"required":[{",".join(required)}]' if required else ""
    inner = ",".join(properties)
    return f'{{"type":"object","properties":{{{inner}}}{needed},"additionalProperties":false}}'


def _beside(param: Parameter, text: str) -> str:
    """A property's schema text with its description, default and examples."""
    description = described(param.node, param.description)
    if description:
        text = (
            f'{text},"description":{_quote(description)}'
            if text
            else f'"description":{_quote(description)}'
        )
    default = _default_text(param)
    if default is not None:
        text = f'{text},"default":{default}' if text else f'"default":{default}'
    if param.extra:
        extra = encode(param.extra)[1:-1]
        text = f"{text},{extra}" if text else extra
    return text


def _default_text(param: Parameter) -> str | None:
    return None if param.default is ABSENT else default_text(param.node, param.default)


def _document(signature: Signature) -> dict[str, Any]:
    """The parameters as a document; used where parts share ``$defs`` or names are open."""
    refs = Refs()
    properties: dict[str, Any] = {}
    required = []
    for param in signature.params:
        if param.name == signature.context or param.kind == VAR_KEYWORD:
            continue
        if param.kind == VAR_POSITIONAL:
            doc: dict[str, Any] = {"type": "array"}
            item = field_schema(param.node, refs)
            doc |= {"items": item} if item else {}
            if param.description:
                doc["description"] = param.description
        else:
            doc = field_schema(param.node, refs, param.description)
        default = _default_text(param)
        if default is not None:
            doc["default"] = loads(default)
        doc.update(param.extra or {})
        properties[param.name] = doc
        if param.required:
            required.append(param.name)
    out: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        out["required"] = required
    rest = _rest(signature, refs)
    if rest is not True:
        out["additionalProperties"] = rest
    if refs.defs:
        out["$defs"] = refs.defs
    return out


def _rest(signature: Signature, refs: Refs) -> Any:
    """What other names may hold: nothing, unless the function takes ``**kwargs``."""
    for param in signature.params:
        if param.kind == VAR_KEYWORD:
            return field_schema(param.node, refs, param.description) or True
    return False


def _extensions_text(signature: Signature) -> str | None:
    """``x_returns``: the schema of what comes back; and what the tool's options say of it."""
    fields: dict[str, Any] = dict(signature.said)
    if signature.returns is not None:
        refs = Refs(written=True)
        doc = field_schema(signature.returns, refs, signature.returns_text)
        if doc and doc != {"type": "null"}:
            fields["x_returns"] = doc | {"$defs": refs.defs} if refs.defs else doc
    return encode(fields) if fields else None


def _in_words(name: str) -> str:
    """A function's name as words: what it does, when nothing else says so."""
    spaced = "".join(
        f" {char}" if char.isupper() and before.islower() else char
        for before, char in zip(f" {name}", name, strict=False)
    )
    parts = spaced.replace("_", " ").replace("-", " ").split()
    words = " ".join(part if part[:2].isupper() else part.lower() for part in parts)
    return words[:1].upper() + words[1:] if words else "A function"


def legal_name(name: str) -> str:
    """A name the data model allows, from any Python name."""
    if name.isascii() and name.isidentifier() and len(name) <= 64:
        return name
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)
    if not kept or not (kept[0].isalpha() or kept[0] == "_"):
        kept = f"_{kept}"
    return kept[:64]
