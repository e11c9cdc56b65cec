"""What can be wrong with an answer as it came over the wire."""

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """The kinds of fault, as reports name them."""

    DROPPED = "connection dropped without an answer"
    NOT_HTTP = "not HTTP"
    INTERIM = "interim answers without end"
    NO_ANSWER_IN_TIME = "no answer in time"
    NOT_WHOLE_IN_TIME = "not whole in time"
    CUT_SHORT = "cut short"
    TOO_LARGE = "too large"
    TOO_LONG = "longer than its length"


_CHEAP = {FaultKind.CUT_SHORT, FaultKind.TOO_LARGE, FaultKind.TOO_LONG}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and its details."""

    kind: FaultKind
    detail: str

    @property
    def is_failure(self) -> bool:
        """Whether it counts as a request without an answer, of which a run bears only a few."""
        return self.kind not in _CHEAP

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"
