"""What follows from a verdict, in sentences, and what does not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.parity.about import About
from app.parity.coverage import Coverage
from app.parity.verdict import ExitCode, Verdict

_CONFIDENCE: Final = 0.95
_STATUSES: Final = (200, 400, 404, 405)
_MEDIA_TYPES: Final = ("application/json", "text/json", "application/xml", "text/xml")
_CHARSETS: Final = ("utf-8", "utf-16")


@dataclass(frozen=True, slots=True)
class Bar:
    """A percentile of one side: its name, milliseconds, and length in percent of the longest."""

    side: str
    name: str
    milliseconds: float
    length: float


def sentence(verdict: Verdict) -> str:
    """Return the verdict as one sentence."""
    count = len(verdict.findings)
    if verdict.exit_code is ExitCode.SAME:
        allowed = ", apart from differences that were allowed" if verdict.only_allowed else ""
        return f"All {verdict.compared:,} compared answers were the same{allowed}."
    if count:
        noun = "difference was" if count == 1 else "kinds of difference were"
        return f"The services are different: {count:,} {noun} found."
    return f"The services were not shown to be the same: {verdict.problems[0]}."


def bound(verdict: Verdict, about: About) -> str | None:
    """Say what a run without a difference allows to conclude, ``None`` for another run.

    With n URLs and no difference, a share p of differing URLs would have stayed unseen with the
    probability (1 - p) ** n, which is 5 % for the p that is given here. A URL counts once, for its
    repetitions and formats are not independent.
    """
    if verdict.exit_code is not ExitCode.SAME or verdict.only_allowed:
        return None
    if not about.is_sample:
        return (
            "These requests were chosen, not drawn at random from what clients send, so no share of"
            " differing requests follows."
        )
    count = verdict.coverage.urls.count
    share = 1 - (1 - _CONFIDENCE) ** (1 / count)
    return (
        f"These requests have {count:,} different {'URL' if count == 1 else 'URLs'}. If those are a"
        f" random sample of the URLs that clients request, then fewer than {100 * share:.2g} % of"
        " such URLs differ, with 95 % confidence."
    )


def not_asked(coverage: Coverage) -> Iterator[str]:
    """Yield what the compared answers did not cover."""
    for name, known, seen in (
        ("status", _STATUSES, coverage.statuses),
        ("media type", _MEDIA_TYPES, coverage.media_types),
        ("charset", _CHARSETS, coverage.charsets),
    ):
        missing = [str(value) for value in known if value not in seen]
        if missing:
            yield f"{name} {', '.join(missing)}"
    if not coverage.nulls:
        yield "a user without a process"
    for name, members in coverage.members.items():
        never_valued = [member for member, seen in members.items() if not seen.values]
        never_null = [member for member, seen in members.items() if not seen.nulls]
        if never_valued:
            yield f"a value in {name.upper()} of {', '.join(never_valued)}"
        if never_null:
            yield f"null in {name.upper()} for {', '.join(never_null)}"


def bars(latencies: dict[str, dict[int, float]]) -> list[Bar]:
    """Return the percentiles of both sides as bars, side by side for each percentile."""
    longest = max((ms for found in latencies.values() for ms in found.values()), default=0.0)
    percentiles: list[int] = sorted({p for found in latencies.values() for p in found})
    return [
        Bar(side, f"p{p}", found[p], 100 * found[p] / longest if longest else 0.0)
        for p in percentiles
        for side, found in latencies.items()
    ]
