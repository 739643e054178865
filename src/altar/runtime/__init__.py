"""The seam between a session and the place where its calls run."""

from altar.runtime._protocol import CallContext, Cancellation, Runtime

__all__ = ["CallContext", "Cancellation", "Runtime"]
