"""What a run found: counts, and findings that gather what has one cause."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from app.parity.allowed import AllowedDifferences
from app.parity.coverage import Coverage
from app.parity.difference import Difference, Kind
from app.parity.explain import explain
from app.parity.masking import Mask
from app.parity.outcome import Outcome, Result
from app.parity.recording import Request

_EXAMPLES: Final = 3
_PERCENTILES: Final = (50, 95, 99)


class ExitCode(IntEnum):
    """How the commands end."""

    SAME = 0
    DIFFERENT = 1
    USAGE = 2
    COULD_NOT_ASK = 3


@dataclass(frozen=True, slots=True)
class Example:
    """An occurrence of a finding."""

    request: Request
    difference: Difference


@dataclass
class Finding:
    """Differences of one kind and cause.

    Attributes:
        kind, cause: what they share; see ``Difference.cause``.
        answers: how many answers have it.
        flaky: how many of those were otherwise when they were asked for again.
        places: where it stands, with how often.
        examples: the first few.
    """

    kind: Kind
    cause: str
    answers: int = 0
    flaky: int = 0
    places: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The kind, called flaky if it came and went."""
        return f"flaky: {self.kind}" if self.flaky else str(self.kind)


class Verdict:
    """Takes outcomes one by one and keeps what a report needs, not the answers.

    Args:
        allowed: the allowed differences.
        mask: is put over answers before anything of them is kept.
        coverage: counts what was compared.
    """

    def __init__(self, allowed: AllowedDifferences, mask: Mask, coverage: Coverage) -> None:
        self.allowed = allowed
        self.coverage = coverage
        self.counts: Counter[Result] = Counter()
        self.only_allowed = 0
        self.skipped: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.stopped: str | None = None
        self.noise: Counter[tuple[Kind, str]] = Counter()
        self._findings: dict[tuple[Kind, str], Finding] = {}
        self._seconds: dict[str, array[float]] = {}
        self._mask = mask

    def take(self, outcome: Outcome, headers: tuple[str, ...]) -> None:
        """Count an outcome.

        Where the legacy service failed, there is nothing to hold the new one to.
        """
        if outcome.expected.status >= 500:
            self.skipped[
                f"the legacy service answered {outcome.expected.status}, the new one"
                f" {outcome.found.status or 'nothing'}"
            ] += 1
            return
        for side, seconds in outcome.seconds.items():
            self._seconds.setdefault(side, array("d")).extend(seconds)
        self.noise.update({(item.kind, item.where) for item in outcome.noise})
        if outcome.result is not Result.MOVED:
            self.coverage.take(outcome.request, outcome.expected)
        left = self.allowed.remaining(outcome.differences)
        if outcome.differences and not left:
            self.only_allowed += 1
            return
        self.counts[outcome.result] += 1
        if left:
            self._keep(outcome, left, headers)

    @property
    def findings(self) -> list[Finding]:
        """The findings, the most frequent first."""
        return sorted(self._findings.values(), key=lambda found: -found.answers)

    @property
    def compared(self) -> int:
        """How many answers were compared; one that moved can't be."""
        return self.only_allowed + sum(self.counts.values()) - self.counts[Result.MOVED]

    @property
    def problems(self) -> list[str]:
        """What fails the run beside findings."""
        found = self.allowed.problems() if self.stopped is None else []
        if self.stopped is not None:
            found.append(self.stopped)
        elif self.failed:
            found.append(f"{self.failed.total()} requests got no answer")
        if not self.compared:
            found.append("nothing was compared")
        return found + self.coverage.problems()

    @property
    def exit_code(self) -> ExitCode:
        """The run's exit code."""
        if self._findings:
            return ExitCode.DIFFERENT
        if self.failed or self.stopped is not None:
            return ExitCode.COULD_NOT_ASK
        return ExitCode.DIFFERENT if self.problems else ExitCode.SAME

    def latencies(self) -> dict[str, dict[int, float]]:
        """Return each side's percentiles in milliseconds."""
        found = {}
        for side, seconds in self._seconds.items():
            ordered = sorted(seconds)
            at = {p: min(len(ordered) - 1, len(ordered) * p // 100) for p in _PERCENTILES}
            found[side] = {p: 1000 * ordered[place] for p, place in at.items()}
        return found

    def _keep(self, outcome: Outcome, left: list[Difference], headers: tuple[str, ...]) -> None:
        for (kind, cause), items in _grouped(self._masked(outcome, left, headers)).items():
            finding = self._findings.setdefault((kind, cause), Finding(kind, cause))
            finding.answers += 1
            finding.flaky += outcome.result is Result.FLAKY
            finding.places.update(item.where for item in items)
            if len(finding.examples) < _EXAMPLES:
                finding.examples.append(Example(outcome.request, items[0]))

    def _masked(
        self, outcome: Outcome, left: list[Difference], headers: tuple[str, ...]
    ) -> list[Difference]:
        """Return the differences with tokens for what is masked."""
        if not self._mask.members:
            return left
        masked = explain(
            self._mask(outcome.expected), self._mask(outcome.found), headers, outcome.request.method
        )
        shown = {(item.kind, item.where): item for item in masked}
        return [
            shown.get(
                (item.kind, item.where), Difference(item.kind, item.where, "masked", "masked")
            )
            for item in left
        ]


def _grouped(items: list[Difference]) -> dict[tuple[Kind, str], list[Difference]]:
    found: dict[tuple[Kind, str], list[Difference]] = {}
    for item in items:
        found.setdefault((item.kind, item.cause), []).append(item)
    return found
