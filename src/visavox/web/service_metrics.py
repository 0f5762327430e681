"""What the service counts of itself, in the format that Prometheus reads.

Numbers alone: no name of a file, no address, no content of a request is among them.

Example:
    >>> metrics = ServiceMetrics()
    >>> metrics.batch("face", 3)
    >>> b'visavox_batch_items_sum{modality="face"} 3.0' in metrics.page()
    True
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper edges of the histogram of seconds; fine where a match is meant to lie, 0.05 to 0.5 s."""
ITEMS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)


class ServiceMetrics:
    """Counters of one service; each has a registry of its own, so that several live in one process."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "visavox_requests", "Requests by route and status.", ("route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "visavox_request_seconds",
            "Seconds from the first byte of a request to the last of its answer, by route and status.",
            ("route", "status"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._items = Histogram(
            "visavox_batch_items",
            "Voices or faces that an encoder took at once.",
            ("modality",),
            buckets=ITEMS,
            registry=self.registry,
        )

    def request(self, route: str, status: int, took_s: float) -> None:
        """Count a request; `route` is the pattern of its path, never the path itself."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route, str(status)).observe(took_s)

    def batch(self, modality: str, n: int) -> None:
        """Count a batch of `n` items."""
        self._items.labels(modality).observe(n)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a number that is read when the page is asked for; `name` goes without the prefix."""
        Gauge(f"visavox_{name}", text, registry=self.registry).set_function(read)

    def page(self) -> bytes:
        """Return all numbers as the page that Prometheus reads."""
        return generate_latest(self.registry)
