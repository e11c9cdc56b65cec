"""What a run found: counts, coverage, times, and findings that gather what has one cause."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from app.parity.allowed import AllowedDifferences
from app.parity.amount import amount
from app.parity.bounds import count, cut
from app.parity.client import DROPPED, UNASKED
from app.parity.coverage import Coverage
from app.parity.difference import Difference, Kind
from app.parity.document import root_of
from app.parity.explain import explain
from app.parity.finding import OTHERS, Finding, Findings, When
from app.parity.headers import RECORDED
from app.parity.identity import Identities
from app.parity.latency import Latencies
from app.parity.masking import Mask
from app.parity.outcome import Outcome, Result, result_of

_MOST_REQUESTS: Final = 100_000
_MOST_NAMES: Final = 50
_MOST_PLACES: Final = 1_000
_MOST_REASONS: Final = 100


class ExitCode(IntEnum):
    """How the commands end."""

    SAME = 0
    DIFFERENT = 1
    USAGE = 2
    COULD_NOT_ASK = 3


@dataclass(frozen=True)
class Demands:
    """What fails a run besides findings.

    Attributes:
        slower_than: how many times as long as the legacy service the new one may take.
        dropped: how many connections the new service may end before it answers.
        headers: what must be compared in each answer, besides the headers that always are.
    """

    slower_than: float | None = None
    dropped: int = 0
    headers: tuple[str, ...] = ()


@dataclass
class Verdict:
    """Takes outcomes one by one and keeps what a report needs, not the answers.

    Attributes:
        allowed: the allowed differences.
        mask: is put over answers before anything of them is kept.
        coverage: counts what was compared.
        demands: what fails the run besides findings.
        troubles: what went wrong besides answers, with how often, by side; the last is the side
            that is judged.
        counts: outcomes by result.
        only_allowed: answers that differed, but only as allowed.
        skipped: what was not compared, with how often, by reason.
        legacy_failed: answers that were not compared because the legacy service failed.
        failed: requests without an answer, with how often, by reason.
        stopped: why the run ended early.
        noise: how the legacy service differed from itself, with how often.
        not_compared: headers that answers had and that were not compared.
    """

    allowed: AllowedDifferences
    mask: Mask
    coverage: Coverage
    demands: Demands = Demands()
    troubles: Mapping[str, Counter[str]] = field(default_factory=dict)
    counts: Counter[Result] = field(default_factory=Counter)
    only_allowed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    legacy_failed: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None
    noise: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    not_compared: set[str] = field(default_factory=set)
    latency: Latencies = field(default_factory=Latencies)
    _findings: Findings = field(default_factory=Findings)
    _identities: Identities = field(default_factory=Identities)
    _same_before: set[int] = field(default_factory=set)
    _without_headers: int = 0

    def take(self, outcome: Outcome) -> None:
        """Count an outcome.

        Where the legacy service failed, there is nothing to hold the new one to.
        """
        if outcome.expected.status >= 500:
            new = outcome.found.status or "nothing"
            reason = f"the legacy service answered {outcome.expected.status}, the new one {new}"
            self.skipped[reason] += 1
            self.legacy_failed += 1
            return
        for side, seconds in outcome.seconds.items():
            self.latency.take(side, seconds)
        for kind, place in {(item.kind, cut(item.where)) for item in outcome.noise}:
            count(self.noise, (kind, place), _MOST_PLACES, (kind, OTHERS))
        self._without_headers += not all(map(outcome.headers.has, self.demands.headers))
        if len(self.not_compared) < _MOST_NAMES:
            for answer in (outcome.expected, outcome.found):
                self.not_compared |= set(map(cut, outcome.headers.left_out(answer)))
        self._judge(outcome)

    def fail(self, reason: str) -> None:
        """Count a request without an answer."""
        count(self.failed, cut(reason), _MOST_REASONS, "other reasons")

    @property
    def findings(self) -> list[Finding]:
        """The findings, the most frequent first."""
        return self._findings.gathered(self._identities.knows_owners())

    @property
    def compared(self) -> int:
        """How many answers were compared; one that moved can't be."""
        return self.only_allowed + sum(self.counts.values()) - self.counts[Result.MOVED]

    @property
    def problems(self) -> list[str]:
        """What fails the run besides findings."""
        found = self.allowed.problems() if self.stopped is None else []
        if self.stopped is not None:
            found.append(self.stopped)
        elif self.failed:
            found.append(f"{amount(self.failed.total(), 'request')} got no answer")
        if not self.compared:
            found.append("nothing was compared")
        elif (lost := self.legacy_failed + self.counts[Result.MOVED]) > self.compared:
            found.append(
                f"too little was compared: {amount(self.compared, 'answer')} of"
                f" {self.compared + lost:,}; the legacy service failed for"
                f" {self.legacy_failed:,}, and {self.counts[Result.MOVED]:,} moved"
            )
        if self._without_headers:
            found.append(
                f"{amount(self._without_headers, 'recording')} held only {' and '.join(RECORDED)}:"
                f" --compare {', '.join(self.demands.headers)} compared nothing there"
            )
        return [*found, *self.coverage.problems(), *self._troubles(), *self._slowness()]

    @property
    def exit_code(self) -> ExitCode:
        """The run's exit code."""
        if self._findings:
            return ExitCode.DIFFERENT
        if self.failed or self.stopped is not None:
            return ExitCode.COULD_NOT_ASK
        return ExitCode.DIFFERENT if self.problems else ExitCode.SAME

    def _judge(self, outcome: Outcome) -> None:
        """Name what differs, leave out what is allowed, and keep the rest."""
        request, root = outcome.request, root_of(outcome.expected)
        user = self.coverage.user(request)
        if root is not None and user is not None:
            self._identities.remember(user, root)
        if outcome.result is Result.MOVED:
            self.counts[Result.MOVED] += 1
            return
        self.coverage.take(request, outcome.expected, root)
        steady, flaky = outcome.differences, outcome.flaky
        found = root_of(outcome.found) if steady or flaky else None
        if root is not None and found is not None and user is not None:
            steady = self._identities.named(steady, user, root, found)
            flaky = self._identities.named(flaky, user, root, found)
        left = set(
            self.allowed.remaining(
                [*steady, *flaky], lambda item: self._masked(outcome, [item])[0].kept()
            )
        )
        if (steady or flaky) and not left:
            self.only_allowed += 1
            return
        steady = [item for item in steady if item in left]
        flaky = [item for item in flaky if item in left]
        self.counts[result_of(steady, flaky, moved=False)] += 1
        self._keep(outcome, steady, flaky)

    def _keep(self, outcome: Outcome, steady: list[Difference], flaky: list[Difference]) -> None:
        asked = hash(outcome.request)
        when = When.AGAIN if asked in self._same_before else When.ALWAYS
        if not steady and not flaky:
            if len(self._same_before) < _MOST_REQUESTS:
                self._same_before.add(asked)
            return
        for items, time, others in ((steady, when, []), (flaky, When.FLAKY, steady)):
            shown = self._masked(outcome, items)
            self._findings.take(outcome.request, shown, time, outcome.alone, others)

    def _masked(self, outcome: Outcome, items: list[Difference]) -> list[Difference]:
        """Return the differences with tokens for what is masked."""
        if not self.mask.members or not items:
            return items
        expected, found = self.mask(outcome.expected), self.mask(outcome.found)
        masked = explain(expected, found, outcome.headers, outcome.request.method)
        shown = {item.key: item for item in masked}
        return [
            shown.get(item.key, Difference(item.kind, item.where, "masked", "masked"))
            for item in items
        ]

    def _troubles(self) -> list[str]:
        """Say what else the new service did, more often than it may."""
        judged = list(self.troubles.values())[-1] if self.troubles else Counter[str]()
        most = {DROPPED: self.demands.dropped, UNASKED: 0}
        return [f"{n:,} {what}" for what, n in judged.items() if n > most.get(what, 0)]

    def _slowness(self) -> list[str]:
        if self.demands.slower_than is None or not self.compared:
            return []
        if not self.latency.judged():
            return ["too few answers to say how long they take (--slower-than)"]
        return self.latency.slower(self.demands.slower_than)
