"""Findings: differences that have one cause, gathered."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.parity.bounds import cut
from app.parity.difference import Difference, Kind
from app.parity.outcome import Alone
from app.parity.recording import Request

_EXAMPLES: Final = 3
# A hostile service may differ in ever new places.
_MOST_FINDINGS: Final = 2_000
_MOST_PLACES: Final = 1_000
OTHERS: Final = "many other places"
"""The cause of what differs beyond the most findings that are kept apart."""
_CHANCE: Final = 0.01
_SEVERAL: Final = 10


class When(StrEnum):
    """When a difference was seen."""

    ALWAYS = ""
    FLAKY = "flaky"
    AGAIN = "only when asked again"
    AT_ONCE = "only when many are asked at once"


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
        when: when they were seen.
        answers: how many answers have it.
        places: where it occurs, with how often.
        examples: the first few.
        alone: how it was when it was requested alone.
        twice: how many answers the finding of another time counts too.
        sets: the places that each answer has it in, and the causes of the exact kind beside it,
            with how often; counted for a vague kind only.
    """

    kind: Kind
    cause: str
    when: When = When.ALWAYS
    answers: int = 0
    places: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    alone: Alone = field(default_factory=Alone)
    twice: int = 0
    sets: Counter[tuple[frozenset[str], frozenset[str]]] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """The kind, and when it was seen if that was not always."""
        if self.when is When.FLAKY:
            return f"flaky: {self.kind}"
        return f"{self.kind}, {self.when}" if self.when else str(self.kind)

    @property
    def flaky(self) -> int:
        """How many of its answers were otherwise when the request was sent again."""
        return self.answers if self.when is When.FLAKY else 0

    def take(
        self,
        request: Request,
        items: list[Difference],
        alone: Alone | None,
        beside: frozenset[str] = frozenset(),
    ) -> None:
        """Add an answer's differences; ``beside`` are the causes of the exact kind that it has."""
        self.answers += 1
        places = [cut(item.where) for item in items]
        shape = frozenset(places), beside
        if self.kind in _VAGUE and (shape in self.sets or len(self.sets) < _MOST_PLACES):
            self.sets[shape] += 1
        for place in places:
            if place in self.places or len(self.places) < _MOST_PLACES:
                self.places[place] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(Example(request, items[0].kept()))
        if alone is not None:
            self.alone += alone

    def joined(self, other: "Finding") -> "Finding":
        """Return both as one, under this one's kind, cause and time."""
        return Finding(
            self.kind,
            self.cause,
            self.when,
            self.answers + other.answers,
            self.places + other.places,
            [*self.examples, *other.examples][:_EXAMPLES],
            self.alone + other.alone,
            self.twice + other.twice,
            self.sets + other.sets,
        )


class Findings:
    """Takes differences and gathers them by cause."""

    def __init__(self) -> None:
        self._found: dict[tuple[Kind, str, When], Finding] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def take(
        self,
        request: Request,
        items: Iterable[Difference],
        when: When,
        alone: Alone | None,
        others: Iterable[Difference] = (),
    ) -> None:
        """Take an answer's differences; ``others`` were taken of the same answer before."""
        counted = {(item.kind, item.cause) for item in others}
        grouped = _grouped(items)
        for (kind, cause), same in grouped.items():
            # That a stale answer was right before is what its name says.
            time = When.ALWAYS if kind is Kind.STALE and when is When.AGAIN else when
            if (kind, cause, time) not in self._found and len(self._found) >= _MOST_FINDINGS:
                cause = OTHERS
            found = self._found.setdefault((kind, cause, time), Finding(kind, cause, time))
            exact = frozenset(cause for other, cause in grouped if other is _VAGUE.get(kind))
            found.take(request, same, alone, exact)
            found.twice += (kind, cause) in counted

    def gathered(self, owners_known: bool = False) -> list[Finding]:
        """Return the findings, one for each cause, the most frequent first.

        Args:
            owners_known: the processes that were another's are known to be other users'.
        """
        by_cause: dict[tuple[Kind, str], dict[When, Finding]] = {}
        # Examples that name the other user come first.
        in_order = sorted(self._found.items(), key=lambda item: item[0][0] is Kind.ANOTHER_PROCESS)
        for (kind, cause, when), finding in in_order:
            if owners_known and kind is Kind.ANOTHER_PROCESS:
                kind = Kind.ANOTHER_USER
            times = by_cause.setdefault((kind, cause), {})
            times[when] = times.get(when, Finding(kind, cause, when)).joined(finding)
        found = [one for times in by_cause.values() for one in _times_joined(times)]
        for vague, exact in _VAGUE.items():
            found = _moved(found, vague, exact)
        return sorted(found, key=lambda finding: -finding.answers)


_VAGUE: Final = {
    Kind.NULL_LEFT_OUT: Kind.MISSING_MEMBER,
    Kind.DATE_FRACTION_CUT: Kind.DATE_FRACTION_ROUNDED,
    Kind.ANOTHER_PROCESS: Kind.ANOTHER_USER,
}
"""What an answer alone may look like -> what it is where others show that in the same place."""


def _grouped(items: Iterable[Difference]) -> dict[tuple[Kind, str], list[Difference]]:
    found: dict[tuple[Kind, str], list[Difference]] = {}
    for item in items:
        found.setdefault((item.kind, item.cause), []).append(item)
    return found


def _times_joined(times: dict[When, Finding]) -> list[Finding]:
    """Join what one cause did at different times, and say when it does."""
    steady, again = times.get(When.ALWAYS), times.get(When.AGAIN)
    if steady and again:
        steady, again = steady.joined(again), None
    steady, flaky = steady or again, times.get(When.FLAKY)
    one = flaky.joined(steady) if flaky and steady else flaky or steady
    if one is None:
        return []
    if flaky and steady:
        one.answers -= flaky.twice
    if _is_crowds(one, steady.answers if steady else 0):
        one.when = When.AT_ONCE
        return [one]
    # What comes and goes now and then looks steady by chance; a single slip does not.
    if steady and flaky and steady.answers > _SEVERAL * flaky.answers:
        return [steady, flaky]
    return [one]


def _is_crowds(finding: Finding, steady: int) -> bool:
    """Whether it differs among others and never alone, by more than chance.

    It must have differed among others after it was right alone too, or else it just comes first.
    """
    if finding.alone.wrong or not finding.alone.after:
        return False
    among_others = steady / finding.answers
    return (1 - among_others) ** finding.alone.asked < _CHANCE


def _moved(findings: list[Finding], vague: Kind, exact: Kind) -> list[Finding]:
    """Move the places of a kind to the findings of another kind that are in them."""
    kept: list[Finding] = []
    for finding in findings:
        for other in findings if finding.kind is vague else ():
            shared = finding.places.keys() & other.places.keys()
            if other.kind is exact and other.when is finding.when and shared:
                _move(finding, other, shared)
        if finding.places:
            kept.append(finding)
    return kept


def _move(finding: Finding, other: Finding, places: set[str]) -> None:
    for place in places:
        other.places[place] += finding.places.pop(place)
    left: Counter[tuple[frozenset[str], frozenset[str]]] = Counter()
    for (where, beside), count in finding.sets.items():
        if where & places and other.cause not in beside:
            other.answers += count
        if where & places and not where - places:
            finding.answers -= count
        else:
            left[where - places, beside] += count
    finding.sets = left
