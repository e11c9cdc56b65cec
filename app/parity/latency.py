"""How long each side took, and whether one is slower."""

from array import array
from collections.abc import Iterable, Iterator
from typing import Final

_PERCENTILES: Final = (50, 95, 99)
_BEYOND: Final = 5
"""A percentile is compared only if so many answers are beyond it: fewer are chance."""
_WORTH_SAYING: Final = 1.2


class Latencies:
    """Takes the seconds of each side's answers."""

    def __init__(self) -> None:
        self._seconds: dict[str, array[float]] = {}

    def take(self, side: str, seconds: Iterable[float]) -> None:
        """Add a side's answers."""
        self._seconds.setdefault(side, array("d")).extend(seconds)

    def percentiles(self) -> dict[str, dict[int, float]]:
        """Return each side's percentiles in milliseconds."""
        found = {}
        for side, seconds in self._seconds.items():
            ordered = sorted(seconds)
            at = {p: min(len(ordered) - 1, len(ordered) * p // 100) for p in _PERCENTILES}
            found[side] = {p: 1000 * ordered[place] for p, place in at.items() if ordered}
        return found

    def slower(self, ratio: float = _WORTH_SAYING) -> list[str]:
        """Say at which percentiles the new service takes more than so many times as long."""
        return [
            f"slower: p{p} is {new:.1f} ms against {old:.1f} ms, {new / old:.2f} times as long"
            for p, old, new in self._pairs()
            if new > ratio * old
        ]

    def judged(self) -> list[int]:
        """Return the percentiles for which there are answers enough."""
        return [p for p, _, _ in self._pairs()]

    def _pairs(self) -> Iterator[tuple[int, float, float]]:
        if not {"legacy", "new"} <= self._seconds.keys():
            return
        fewest = min(len(self._seconds[side]) for side in ("legacy", "new"))
        found = self.percentiles()
        for p in _PERCENTILES:
            if fewest * (100 - p) >= 100 * _BEYOND:
                yield p, found["legacy"][p], found["new"][p]
