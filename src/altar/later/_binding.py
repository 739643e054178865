"""Binder: from a call's JSON arguments to the arguments of the function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.errors import AltarError
from altar.later._signature import Parameter, Signature
from altar.later.hints._callables import KEYWORD_ONLY, VAR_KEYWORD, VAR_POSITIONAL
from altar.later.hints._codegen import Gen
from altar.later.hints._nodes_record import ABSENT, default_source, fresh
from altar.later.hints._report import Report, clean

if TYPE_CHECKING:
    from altar.adm import Problem

__all__ = ["BindError", "Binder", "Bound", "EmittedBind", "ReadArgs", "compile_binder"]


_OPEN = (VAR_POSITIONAL, VAR_KEYWORD)


class BindError(AltarError):
    """Arguments that were refused.

    ``problems`` holds each :class:`altar.adm.Problem`, of which 100 are kept;
    ``missed`` counts the others.
    """

    def __init__(self, problems: tuple[Problem, ...], *, missed: int = 0) -> None:
        super().__init__("; ".join(map(str, problems[:8])))
        self.problems = problems
        self.missed = missed


class ReadArgs(dict[str, Any]):
    """Arguments that came as JSON text where an object belongs, read; ``text`` is what came."""

    __slots__ = ("text",)

    def __init__(self, text: str, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.text = text

    def told(self, report: Report) -> dict[str, Any] | None:
        """The plain arguments after the coercion was listed; None where ``strict`` refuses it."""
        if report.strict:
            report.fail(None, "an object of arguments", self.text, "type")
            return None
        report.coerced(None, "string", "object")
        return dict(self)


class Bound:
    """Arguments ready for the call, and what was coerced on the way."""

    __slots__ = ("args", "coercions", "kwargs")

    def __init__(
        self, args: list[Any], kwargs: dict[str, Any], coercions: list[dict[str, str]]
    ) -> None:
        self.args = args
        self.kwargs = kwargs
        self.coercions = coercions

    def __repr__(self) -> str:
        return f"Bound(args={self.args!r}, kwargs={self.kwargs!r}, coercions={self.coercions!r})"


class EmittedBind:
    """Source of the fast way.

    ``lines`` read the dict ``args`` into local variables and ``return None``
    on a miss, or raise an Exception that means a miss; ``call`` is the call
    expression; ``namespace`` holds what both use, the function as ``fn``.
    ``call`` may use ``context``. Where ``coerces`` is true, ``lines`` leave a
    list ``coercions``, and may use ``strict``.
    """

    __slots__ = ("call", "coerces", "lines", "namespace")

    def __init__(
        self, lines: list[str], call: str, namespace: dict[str, Any], *, coerces: bool = False
    ) -> None:
        self.coerces = coerces
        self.lines = lines
        self.call = call
        self.namespace = namespace


class Binder:
    """Reads JSON arguments for one signature."""

    __slots__ = ("_known", "_rest", "signature")

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self._known = [
            param
            for param in signature.params
            if param.kind != VAR_KEYWORD and param.name != signature.context
        ]
        rest = [param for param in signature.params if param.kind == VAR_KEYWORD]
        self._rest = rest[0] if rest and rest[0].name != signature.context else None

    def bind(self, args: Any, *, strict: bool = False, context: Any = None) -> Bound:
        """Check and convert ``args``, a JSON object.

        ``context`` is passed for the injected parameter. ``strict`` refuses
        what needs coercion. Raises BindError with every problem at once.
        """
        report = Report(strict=strict)
        values: dict[str, Any] = {}
        try:
            self._read(args, values, report)
        except RecursionError:
            report.note(None, "arguments that nest less deeply", "deeper nesting", "depth")
        if report.problems:
            raise BindError(tuple(report.problems), missed=report.missed)
        positional, keywords = self._arrange(values, context)
        return Bound(positional, keywords, report.coercions)

    def _read(self, args: Any, values: dict[str, Any], report: Report) -> None:
        if args.__class__ is not dict:
            if args.__class__ is ReadArgs:
                args = args.told(report)
            elif hasattr(args, "keys"):
                args = dict(args)
            else:
                args = report.fail(None, "an object of arguments", args, "type")
            if report.problems:
                return
        seen = 0
        for param in self._known:
            if param.name in args:
                seen += 1
                self._read_one(param, args[param.name], values, report)
            elif param.required:
                expected = f"{param.node.label} (required)"
                report.note((None, param.name), expected, "nothing", "required")
        if seen != len(args):
            self._read_rest(args, values, report)

    def _read_one(
        self, param: Parameter, value: Any, values: dict[str, Any], report: Report
    ) -> None:
        path = (None, param.name)
        if param.kind != VAR_POSITIONAL:
            values[param.name] = param.node.load(value, path, report)
        elif value.__class__ is list:
            load = param.node.load
            values[param.name] = [load(item, (path, at), report) for at, item in enumerate(value)]
        else:
            report.fail(path, "an array", value, "type")

    def _read_rest(self, args: dict[str, Any], values: dict[str, Any], report: Report) -> None:
        names = dict.fromkeys(param.name for param in self._known)
        context = self.signature.context
        for name, value in args.items():
            if name in names:
                continue
            if self._rest is None or name.__class__ is not str or name == context:
                report.unknown(None, name, names)
            elif clean(name) != name[:100]:
                report.note((None, clean(name)), "clean names", "a lone surrogate", "surrogate")
            else:
                values[name] = self._rest.node.load(value, (None, name), report)

    def _arrange(self, values: dict[str, Any], context: Any) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments, defaults filled in."""
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        for param in self.signature.params:
            name = param.name
            if name == self.signature.context:
                value = context
            elif param.kind == VAR_POSITIONAL:
                positional += values.pop(name, ())
                continue
            elif param.kind == VAR_KEYWORD:
                continue
            elif name in values:
                value = values.pop(name)
            elif param.factory is not None:
                value = param.factory()
            elif param.default is ABSENT:
                continue
            else:
                value = fresh(param.default)
            if param.kind == KEYWORD_ONLY:
                keywords[name] = value
            else:
                positional.append(value)
        keywords.update(values)
        return positional, keywords

    def emit(self) -> EmittedBind | None:
        """The happy path as source; None when the function takes open names."""
        signature = self.signature
        if self._rest is not None or any(p.kind in _OPEN for p in signature.params):
            return None
        if any(not p.required and p.default is ABSENT and p.factory is None for p in self._known):
            return None
        gen = Gen()
        gen.add("try:")
        gen.indent += 1
        given = self._emit_params(gen)
        gen.indent -= 1
        gen.add("except (Exception, SystemExit):")
        gen.add("    return None")
        gen.namespace["fn"] = signature.target
        return EmittedBind(gen.lines, f"fn({', '.join(given)})", gen.namespace)

    def _emit_params(self, gen: Gen) -> list[str]:
        optional = [param for param in self._known if not param.required]
        count = str(len(self._known) - len(optional))
        if optional:
            counter = gen.var()
            gen.add(f"{counter} = {count}")
            count = counter
        given = []
        for param in self.signature.params:
            name = gen.var()
            if param.name == self.signature.context:
                name = "context"
            elif param.required:
                gen.add(f"{name} = args[{param.name!r}]")
                gen.emit(param.node, name)
            else:
                _emit_optional(gen, param, name, count)
            given.append(f"{param.name}={name}" if param.kind == KEYWORD_ONLY else name)
        gen.miss_if(f"len(args) != {count}")
        return given


def _emit_optional(gen: Gen, param: Parameter, name: str, count: str) -> None:
    gen.add(f"if {param.name!r} in args:")
    gen.indent += 1
    gen.add(f"{name} = args[{param.name!r}]")
    gen.add(f"{count} += 1")
    gen.emit(param.node, name)
    gen.indent -= 1
    if param.factory is not None:
        gen.add(f"else: {name} = {gen.const(param.factory)}()")
    else:
        gen.add(f"else: {name} = {default_source(gen, param.default)}")


def compile_binder(signature: Signature) -> Binder:
    """The binder of a signature."""
    return Binder(signature)
