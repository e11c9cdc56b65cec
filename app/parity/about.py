"""What a run was: its two sides, when it ran, and how its requests were chosen."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A run's circumstances; made when it starts.

    Attributes:
        legacy: what was expected: a service or a file of recordings.
        new: the service that was compared with it.
        requests: how the requests were chosen, for people.
        is_sample: whether they came from real clients, so that they may be a random sample.
        seed: the seed of the random order, ``None`` where the order was not random.
    """

    legacy: str
    new: str
    requests: str
    is_sample: bool = False
    seed: int | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clock: float = field(default_factory=time.monotonic)

    def plain(self) -> dict[str, Any]:
        """Return name -> value, with the seconds that the run has taken until now."""
        found = {
            "legacy": self.legacy,
            "new": self.new,
            "requests": self.requests,
            "started": self.started.isoformat(timespec="seconds"),
            "duration_seconds": round(time.monotonic() - self._clock, 1),
            "chargecloud": __version__,
        }
        return found if self.seed is None else {**found, "seed": self.seed}
