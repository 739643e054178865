"""The seam between a session and the place where its calls run."""

from __future__ import annotations

from altar.runtime._fanout import ainvoke_many, invoke_many
from altar.runtime._protocol import CallContext, Cancellation, Runtime

__all__ = ["CallContext", "Cancellation", "Runtime", "ainvoke_many", "invoke_many"]
