"""The seam between a session and the place where its calls run."""

from __future__ import annotations

from altar.runtime._fanout import ainvoke_many, invoke_many
from altar.runtime._policy import Policy
from altar.runtime._policy_parts import BreakerSettings, CacheSettings
from altar.runtime._protocol import CallContext, Cancellation, Runtime
from altar.runtime._wrapper import Step, Wrapper

__all__ = [
    "BreakerSettings",
    "CacheSettings",
    "CallContext",
    "Cancellation",
    "Policy",
    "Runtime",
    "Step",
    "Wrapper",
    "ainvoke_many",
    "invoke_many",
]
