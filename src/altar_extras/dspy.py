"""DSPy: its tools and modules as tools of altar's, and altar's tools as ``dspy.Tool``.

Needs the library dspy, 3.4 or newer. Declarations of signatures that are
strings need no DSPy: :mod:`altar_extras.dspy_signatures`.
"""

from __future__ import annotations

try:
    import dspy as _dspy  # type: ignore[import-untyped]
except ModuleNotFoundError as error:
    raise ImportError(
        "altar_extras.dspy needs the library dspy; type: "
        'pip install "dspy>=3.4" or pip install ".[dspy]"'
    ) from error

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from altar.adm import legal_name
from altar.bridge import Importer
from altar.errors import ConfigurationError, DeclarationError
from altar_extras._dspy_modules import face_of, face_of_signature
from altar_extras._dspy_programs import add_program, declaration_of, program_tool
from altar_extras._dspy_results import prediction_of
from altar_extras._dspy_runner import ProgramRunner, program_runner
from altar_extras._dspy_runner_faults import RemoteProgramError
from altar_extras._dspy_runner_remote import RemoteProgram
from altar_extras._dspy_tools import ToolFailed, add_tool, exported

if TYPE_CHECKING:
    from altar.later import SchemaTool

__all__ = [
    "ProgramRunner",
    "RemoteProgram",
    "RemoteProgramError",
    "ToolFailed",
    "declaration_of",
    "export_tools",
    "import_tools",
    "prediction_of",
    "program_runner",
    "program_tool",
]


def export_tools(tools: Any) -> list[Any]:
    """Tools of altar's as a list of ``dspy.Tool``, for ReAct, ReActV2 and RLM.

    ``tools`` is a Session, or whatever ``Session(tools=...)`` takes. Every call,
    ``tool(**args)`` or ``await tool.acall(**args)``, goes through the session:
    altar checks and coerces, DSPy's own check is left out. It answers the
    result's content, and raises :class:`ToolFailed` for a failed call. The list
    holds the tools that the session has now.
    """
    return exported(tools)


def import_tools(*foreign: Any) -> list[SchemaTool]:
    """DSPy's tools and programs as tools, for ``Session(tools=[...])``.

    Each is a ``dspy.Tool``, a ``dspy.Module`` of any kind, compiled or not, or a
    Signature class (run by ``dspy.Predict``); or a mapping of names to such.
    Without a name a tool keeps its own, a module of your own has that of its
    class, and one of DSPy's kinds that of its signature or ``predict_`` and the
    outputs. More is to be said with :func:`program_tool`.

    Programs run under the settings of their caller: what ``dspy.configure`` set,
    and ``dspy.context`` around the call, in every thread that altar uses.

    ConfigurationError for what is none of these; DeclarationError, with the
    reason of each, where some cannot be carried.
    """
    importer = Importer("DSPy")
    problems: list[str] = []
    taken: set[str] = set()
    for name, one in _named(foreign):
        try:
            _add(importer, one, name, taken)
        except DeclarationError as error:
            problems.append(str(error))
    problems += [f"{name}: {reason}" for name, reason in importer.refused]
    if problems:
        raise DeclarationError("tools of DSPy", problems)
    return importer.accepted()


def _named(foreign: tuple[Any, ...]) -> list[tuple[str | None, Any]]:
    found: list[tuple[str | None, Any]] = []
    for one in foreign:
        if isinstance(one, Mapping):
            found += one.items()
        elif isinstance(one, (list, tuple)):
            found += _named(tuple(one))
        else:
            found.append((None, one))
    return found


def _add(importer: Importer, one: Any, name: str | None, taken: set[str]) -> None:
    if isinstance(one, _dspy.Tool):
        taken.add(name or one.name or "")
        return add_tool(importer, one, name)
    if isinstance(one, _dspy.Module):
        module, face = one, face_of(one, name=name)
    elif isinstance(one, type) and issubclass(one, _dspy.Signature):
        module, face = _dspy.Predict(one), face_of_signature(one, name=name)
    else:
        raise ConfigurationError(
            f"import_tools({one!r:.80}): give a dspy.Tool, a dspy.Module (an instance, as "
            "dspy.Predict(...) is) or a Signature class; of a plain function make a dspy.Tool"
        )
    if name is None:  # made up, so it may give way to one that is there
        own = legal_name(face.declaration.name, taken)
        if own != face.declaration.name:
            face = face_of(module, name=own)
    taken.add(face.declaration.name)
    add_program(importer, module, face)
    return None
