"""What an operator looks at: figures in the text format of Prometheus, and health over HTTP."""

from __future__ import annotations

from altar_extras.grid.operate._health import Health, HealthServer
from altar_extras.grid.operate._metrics import Counter, Gauge, Histogram, Metrics

__all__ = ["Counter", "Gauge", "Health", "HealthServer", "Histogram", "Metrics"]
