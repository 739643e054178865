"""GRID: the same tools on many machines, over NATS.

    wire        subjects, envelopes, frames, Host time
    transport   what carries them: a broker in this process, or nats-server
    security    keys, signed manifests, session tokens, grants, who may do what
    audit       what was run, on disk before it runs and before it is answered
    client      GridClient, and GridRuntime: a Runtime behind any Session
    runtime     serves tools
    host        the control plane
"""

from __future__ import annotations

__all__: list[str] = []
