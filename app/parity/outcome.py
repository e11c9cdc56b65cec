"""What came of one request: same, different, moved or flaky."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from app.parity.client import Service
from app.parity.difference import Difference, Kind
from app.parity.explain import explain
from app.parity.masking import Mask
from app.parity.recording import Answer, Recording, Request

_VALUES = {Kind.OTHER_VALUE, Kind.NUMBER_TEXT, Kind.DATE_TEXT, Kind.LETTER_CASE, Kind.NIL}


class Result(Enum):
    """What an answer is called."""

    SAME = "same"
    DIFFERENT = "different"
    MOVED = "moved"
    FLAKY = "flaky"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A request's result with both answers; ``seconds`` are those of each side's answers.

    ``noise`` is how the legacy service differs from itself.
    """

    request: Request
    result: Result
    expected: Answer
    found: Answer
    differences: list[Difference]
    seconds: dict[str, list[float]]
    noise: list[Difference]

    @property
    def failure(self) -> str | None:
        """Say why it counts as a request without an answer, ``None`` if it doesn't."""
        fault = self.found.fault
        return str(fault) if fault and fault.is_failure else None


class Replay:
    """Holds a service to recordings.

    Args:
        service: the service that is asked.
        headers: the headers that are compared.
        mask: makes the mask for members that a recording says are masked.
        again: how often a different answer is asked for again; one that doesn't stay the same
            is flaky.
    """

    def __init__(
        self,
        service: Service,
        headers: tuple[str, ...],
        mask: Callable[[tuple[str, ...]], Mask] = Mask,
        again: int = 2,
    ) -> None:
        self._service = service
        self._headers = headers
        self._mask = mask
        self._again = again

    def __call__(self, item: Recording) -> Outcome:
        """Ask a recording's request. Raises NoAnswerError."""
        request, expected = item.request, item.answer
        seconds: list[float] = []
        found = self._ask(item, seconds)
        differences = explain(expected, found, self._headers, request.method)
        result = Result.DIFFERENT if differences else Result.SAME
        for _ in range(self._again if differences else 0):
            if explain(found, self._ask(item, seconds), self._headers, request.method):
                result = Result.FLAKY
                break
        return Outcome(request, result, expected, found, differences, {"service": seconds}, [])

    def _ask(self, item: Recording, seconds: list[float]) -> Answer:
        timed = self._service.ask(item.request)
        seconds.append(timed.seconds)
        return self._mask(item.masked)(
            rebased(self._service, item.request, timed.answer, item.answer)
        )


@dataclass(frozen=True, slots=True)
class _Readings:
    """The legacy service's two answers, and the new one's."""

    legacy: Answer
    new: Answer
    again: Answer


class Comparison:
    """Asks two services the same, the legacy one twice, so that its own noise is known.

    Args:
        legacy, new: the services.
        headers: the headers that are compared.
    """

    def __init__(self, legacy: Service, new: Service, headers: tuple[str, ...]) -> None:
        self._legacy = legacy
        self._new = new
        self._headers = headers

    def __call__(self, request: Request, new_first: bool) -> Outcome:
        """Ask a request of both, and what differs once more. Raises NoAnswerError."""
        seconds: dict[str, list[float]] = {"legacy": [], "new": []}
        first = self._read(request, seconds, new_first)
        outcome = self._outcome(request, first, seconds)
        if outcome.result is not Result.DIFFERENT:
            return outcome
        # Only a reading between two of the legacy service tells a value that moved from one
        # that is wrong; and only what stays is different rather than flaky.
        second = self._outcome(request, self._read(request, seconds, False), seconds)
        if _places(second) == _places(outcome) or second.result is Result.MOVED:
            return second
        if second.result is Result.SAME and new_first and _only_values(outcome):
            return replace(outcome, result=Result.MOVED, differences=[])
        return replace(outcome, result=Result.FLAKY)

    def _read(
        self, request: Request, seconds: dict[str, list[float]], new_first: bool
    ) -> _Readings:
        order = ("new", "legacy", "legacy") if new_first else ("legacy", "new", "legacy")
        answers: dict[str, list[Answer]] = {"legacy": [], "new": []}
        for side in order:
            # A broken answer of the legacy service is nothing to compare with.
            ask = self._new.ask if side == "new" else self._legacy.ask_whole
            timed = ask(request)
            seconds[side].append(timed.seconds)
            answers[side].append(timed.answer)
        legacy, again = answers["legacy"]
        return _Readings(legacy, rebased(self._new, request, answers["new"][0], legacy), again)

    def _outcome(
        self, request: Request, read: _Readings, seconds: dict[str, list[float]]
    ) -> Outcome:
        noise = self._explain(request, read.legacy, read.again)
        found = self._explain(request, read.legacy, read.new)
        result, left = Result.SAME, []
        if found and (not noise or self._explain(request, read.again, read.new)):
            noisy = {item.where for item in noise}
            left = [item for item in found if item.where not in noisy]
            result = Result.DIFFERENT if left else Result.MOVED
        return Outcome(request, result, read.legacy, read.new, left, seconds, noise)

    def _explain(self, request: Request, old: Answer, new: Answer) -> list[Difference]:
        return explain(old, new, self._headers, request.method)


def rebased(service: Service, request: Request, found: Answer, expected: Answer) -> Answer:
    """Read a service's own address in its answer as that of the request's Host.

    Only where the service was sent its own Host; an error quotes the URI that it was asked.
    """
    if not service.own_host:
        return found
    host = (request.header("Host") or "").lower().removesuffix(":80").removesuffix(":443")
    for scheme in ("http", "https"):
        for encoding in ("utf-8", "utf-16-le"):
            other = f"{scheme}://{host}/".encode(encoding)
            if other in expected.body:
                own = f"{service.origin}/".encode(encoding)
                return replace(found, body=found.body.replace(own, other))
    return found


def _places(outcome: Outcome) -> set[tuple[Kind, str]]:
    return {(item.kind, item.where) for item in outcome.differences}


def _only_values(outcome: Outcome) -> bool:
    return all(item.kind in _VALUES for item in outcome.differences)
