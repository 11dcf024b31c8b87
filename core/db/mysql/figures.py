from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Figures:
    """What a pool has counted since its start; changed with its lock held.

    Seconds here, milliseconds in ``as_dict()``.
    """

    requests: int = 0
    queued: int = 0
    errors: int = 0
    wait_seconds: float = 0
    usage_seconds: float = 0
    connected: int = 0
    connecting_seconds: float = 0
    connecting_errors: int = 0
    pings: int = 0
    rollbacks: int = 0
    resets: int = 0
    discards: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        return {
            "requests_num": self.requests,
            "requests_queued": self.queued,
            "requests_errors": self.errors,
            "requests_wait_ms": round(self.wait_seconds * 1000),
            "usage_ms": round(self.usage_seconds * 1000),
            "connections_num": self.connected,
            "connections_ms": round(self.connecting_seconds * 1000),
            "connections_errors": self.connecting_errors,
            "connections_lost": self.discards["lost"],
            "discards": dict(self.discards),
            "pings": self.pings,
            "rollbacks": self.rollbacks,
            "resets": self.resets,
        }
