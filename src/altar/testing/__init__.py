"""What altar's users test with: models that follow a script, and contract suites for the seams."""

from __future__ import annotations

from altar._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar.testing._contract_runtime import RuntimeContract
    from altar.testing._providers import FunctionProvider, ScriptedProvider

__all__ = ["FunctionProvider", "RuntimeContract", "ScriptedProvider"]

_HOMES = {
    "FunctionProvider": "altar.testing._providers",
    "RuntimeContract": "altar.testing._contract_runtime",
    "ScriptedProvider": "altar.testing._providers",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
