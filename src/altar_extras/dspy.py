"""DSPy: its tools and modules as tools of altar's, and altar's tools as ``dspy.Tool``.

Needs the library dspy, 3.4 or newer. Declarations of signatures that are
strings need no DSPy: :mod:`altar_extras.dspy_signatures`.
"""

from __future__ import annotations

try:
    import dspy as _dspy  # noqa: F401
except ModuleNotFoundError as error:
    raise ImportError(
        'altar_extras.dspy needs the library dspy; type: pip install "dspy>=3.4"'
    ) from error

from altar_extras._dspy_runner import ProgramRunner, program_runner
from altar_extras._dspy_runner_faults import RemoteProgramError
from altar_extras._dspy_runner_remote import RemoteProgram

__all__ = ["ProgramRunner", "RemoteProgram", "RemoteProgramError", "program_runner"]
