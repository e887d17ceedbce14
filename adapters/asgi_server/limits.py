"""What one server process takes on, and how long it waits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Bounds of one server process; seconds are wall time and totals, never per read."""

    body_bytes_max: int
    header_bytes_max: int = 16_384
    header_count_max: int = 100
    header_seconds_max: float = 10.0
    body_seconds_max: float = 20.0
    idle_seconds_max: float = 75.0
    connections_max: int = 1000
    requests_under_way_max: int = 512
    """Requests that the application works on at once, bodies arrived; more are answered 503."""
    request_wait_seconds_max: float = 1.0
    """While a request has waited longer for the application to begin, further ones are answered 503."""
    paths_always_answered: frozenset[str] = frozenset()
    """Whatever the load: probes."""
    drain_seconds_max: float = 25.0
