"""What came of one request: same, different, moved or flaky."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from itertools import combinations

from app.parity.client import NoAnswerError, Service
from app.parity.crowd import Crowd
from app.parity.difference import Difference, Kind
from app.parity.explain import OF_RECORDINGS, explain
from app.parity.headers import ComparedHeaders
from app.parity.masking import Mask
from app.parity.noise import is_noise, may_be_noise
from app.parity.recording import Answer, Recording, Request

_ALONE = 3


class Result(Enum):
    """What an answer is called."""

    SAME = "same"
    DIFFERENT = "different"
    MOVED = "moved"
    FLAKY = "flaky"


@dataclass(frozen=True, slots=True)
class Alone:
    """How an answer that differed among others was when its request was sent alone.

    Attributes:
        asked: how often it was sent alone.
        wrong: how often it differed then.
        after: how often it differed among others again, after it was sent alone.
    """

    asked: int = 0
    wrong: int = 0
    after: int = 0

    def __add__(self, other: "Alone") -> "Alone":
        return Alone(self.asked + other.asked, self.wrong + other.wrong, self.after + other.after)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A request's result with both answers; ``seconds`` are those of each side's answers.

    Attributes:
        differences: what differed each time.
        flaky: what did not differ each time.
        noise: how the legacy service differs from itself.
        alone: the result of requests sent alone, if there were any.
        headers: those that were compared.
    """

    request: Request
    result: Result
    expected: Answer
    found: Answer
    differences: list[Difference]
    flaky: list[Difference]
    seconds: dict[str, list[float]]
    noise: list[Difference]
    headers: ComparedHeaders
    alone: Alone | None = None

    @property
    def failure(self) -> str | None:
        """Say why it counts as a request without an answer, ``None`` if it doesn't."""
        fault = self.found.fault
        return str(fault) if fault and fault.is_failure else None


def result_of(differences: list[Difference], flaky: list[Difference], moved: bool) -> Result:
    """Name what came of a request: what always differs weighs more than what came and went."""
    if differences:
        return Result.DIFFERENT
    if flaky:
        return Result.FLAKY
    return Result.MOVED if moved else Result.SAME


class Replay:
    """Holds a service to recordings.

    Args:
        service: the service that receives the requests.
        more: headers to compare besides those that always are.
        mask: makes the mask for members that a recording says are masked.
        again: how often a request is repeated after a different answer; one whose answers then
            differ from each other is flaky.
        crowd: the other requests at the same time; ``None`` if there are none.
    """

    def __init__(
        self,
        service: Service,
        more: tuple[str, ...] = (),
        mask: Callable[[tuple[str, ...]], Mask] = Mask,
        again: int = 2,
        crowd: Crowd | None = None,
    ) -> None:
        self._service = service
        self._headers = ComparedHeaders(more=more)
        self._mask = mask
        self._again = again
        self._crowd = crowd or Crowd(most_alone=0)

    def __call__(self, item: Recording) -> Outcome:
        """Send a recording's request. Raises NoAnswerError."""
        seconds: list[float] = []
        headers = self._headers if item.all_headers else OF_RECORDINGS
        with self._crowd.inside():
            found, differences = self._differences(item, headers, seconds)
            times = [differences]
            with suppress(NoAnswerError):  # What was found already is not lost.
                times.extend(
                    self._differences(item, headers, seconds)[1]
                    for _ in range(self._again if differences else 0)
                )
        steady, flaky = _steady(times)
        alone = _alone(
            self._crowd,
            [*steady, *flaky],
            lambda: self._differences(item, headers, seconds)[1],
        )
        result = result_of(steady, flaky, moved=False)
        return Outcome(
            item.request,
            result,
            item.answer,
            found,
            steady,
            flaky,
            {"service": seconds},
            [],
            headers,
            alone,
        )

    def _differences(
        self, item: Recording, headers: ComparedHeaders, seconds: list[float]
    ) -> tuple[Answer, list[Difference]]:
        timed = self._service.ask(item.request)
        seconds.append(timed.seconds)
        answer = rebased(self._service, item.request, timed.answer, item.answer)
        found = self._mask(item.masked)(answer)
        return found, explain(item.answer, found, headers, item.request.method)


@dataclass(frozen=True, slots=True)
class _Round:
    """An answer of the new service between two of the legacy one."""

    legacy: Answer
    new: Answer
    again: Answer


@dataclass(frozen=True, slots=True)
class _Judged:
    """What differed each time, what did not, how the legacy service differed from itself."""

    steady: list[Difference]
    flaky: list[Difference]
    noise: list[Difference]
    result: Result


class Comparison:
    """Sends the same to two services, to the legacy one before and after: so its noise is known.

    Args:
        legacy, new: the services.
        headers: the headers that are compared.
        crowd: the other requests at the same time; ``None`` if there are none.
    """

    def __init__(
        self,
        legacy: Service,
        new: Service,
        headers: ComparedHeaders | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        self._legacy = legacy
        self._new = new
        self._headers = headers or ComparedHeaders()
        self._crowd = crowd or Crowd(most_alone=0)

    def __call__(self, request: Request) -> Outcome:
        """Send a request to both, and again where they differ. Raises NoAnswerError."""
        seconds: dict[str, list[float]] = {"legacy": [], "new": []}
        with self._crowd.inside():
            rounds = [self._ask(request, seconds)]
            judged = self._judged(request, rounds)
            if judged.steady:
                # Only what stays is different rather than flaky, and only where all answers of
                # the legacy service agree.
                with suppress(NoAnswerError):
                    rounds.append(self._ask(request, seconds))
                judged = self._judged(request, rounds)
        alone = _alone(
            self._crowd,
            [*judged.steady, *judged.flaky],
            lambda: self._judged(request, [self._ask(request, seconds)]).steady,
        )
        shown = rounds[-1] if judged.steady else rounds[0]
        return Outcome(
            request,
            judged.result,
            shown.legacy,
            shown.new,
            judged.steady,
            judged.flaky,
            seconds,
            judged.noise,
            self._headers,
            alone,
        )

    def _ask(self, request: Request, seconds: dict[str, list[float]]) -> _Round:
        # A broken answer of the legacy service is nothing to compare with. The first answers are
        # timed: of both services, neither has the answer ready from the moment before.
        legacy = self._legacy.ask_whole(request)
        new = self._new.ask(request)
        again = self._legacy.ask_whole(request)
        seconds["legacy"].append(legacy.seconds)
        seconds["new"].append(new.seconds)
        found = rebased(self._new, request, new.answer, legacy.answer)
        return _Round(legacy.answer, found, again.answer)

    def _judged(self, request: Request, rounds: list[_Round]) -> _Judged:
        own = [answer for each in rounds for answer in (each.legacy, each.again)]
        noise = [
            item
            for one, other in combinations(own, 2)
            if (different := self._explain(request, one, other))
            for item in (*different, *self._explain(request, other, one))
        ]
        found = [self._found(request, each) for each in rounds]
        left = [[item for item in items if not is_noise(item, noise)] for items in found]
        steady, flaky = _steady(left)
        flaky = [item for item in flaky if not may_be_noise(item, noise)]
        # A header that moves says nothing about the body, nor does a connection that ends.
        moved = any(
            item.kind not in (Kind.HEADER, Kind.CLOSING) for items in found for item in items
        )
        return _Judged(steady, flaky, noise, result_of(steady, flaky, moved))

    def _found(self, request: Request, asked: _Round) -> list[Difference]:
        """Return how a new answer differs from the legacy ones, none if it is like one of them.

        An error is not enough like one if the other one is none.
        """
        before = self._explain(request, asked.legacy, asked.new)
        if not before and not _is_error(asked.new):
            return []
        after = self._explain(request, asked.again, asked.new)
        is_like_one = not before or not after
        only_error = _is_error(asked.new) and _is_error(asked.legacy) != _is_error(asked.again)
        return [] if is_like_one and not only_error else _distinct([*before, *after])

    def _explain(self, request: Request, old: Answer, new: Answer) -> list[Difference]:
        return explain(old, new, self._headers, request.method)


def _steady(times: list[list[Difference]]) -> tuple[list[Difference], list[Difference]]:
    """Part what differed each time from what did not.

    A connection may end with any answer: one that ends now and then is no difference.
    """
    places = [{item.key for item in found} for found in times]
    always = set.intersection(*places)
    steady = [item for item in times[-1] if item.key in always]
    flaky = [
        item
        for item in _distinct([item for found in times for item in found])
        if item.key not in always and item.kind is not Kind.CLOSING
    ]
    return steady, flaky


def _distinct(items: list[Difference]) -> list[Difference]:
    return list({item.key: item for item in reversed(items)}.values())[::-1]


def _is_error(answer: Answer) -> bool:
    return answer.status >= 400


def _alone(
    crowd: Crowd, found: list[Difference], ask: Callable[[], list[Difference]]
) -> Alone | None:
    """Send again alone what differed, to know whether load is the reason.

    A service that is right from now on is right alone as well, so what is right alone is then sent
    among others once more.
    """
    if not found:
        return None
    places = {item.key for item in found}

    def differs() -> bool:
        return not places.isdisjoint(item.key for item in ask())

    with suppress(NoAnswerError):
        with crowd.alone(f"{found[0].kind} {found[0].cause}") as may:
            if not may:
                return None
            wrong = sum(differs() for _ in range(_ALONE))
        with crowd.inside():
            after = not wrong and any(differs() for _ in range(_ALONE))
        return Alone(_ALONE, wrong, int(after))
    return None


def rebased(service: Service, request: Request, found: Answer, expected: Answer) -> Answer:
    """Read a service's own address in its answer as that of the request's Host.

    Only where the service was sent its own Host, and only in an error: it quotes the URI of its
    request. A value is compared as it is.
    """
    if not service.own_host or not (_is_error(found) and _is_error(expected)):
        return found
    host = (request.header("Host") or "").lower().removesuffix(":80").removesuffix(":443")
    for scheme in ("http", "https"):
        for encoding in ("utf-8", "utf-16-le"):
            other = f"{scheme}://{host}/".encode(encoding)
            if other in expected.body:
                own = f"{service.origin}/".encode(encoding)
                return replace(found, body=found.body.replace(own, other))
    return found
