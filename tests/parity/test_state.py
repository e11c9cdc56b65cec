"""Services whose answers depend on requests before, or at the same time."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import count
from typing import Any

import pytest

from app.host.application import WebApi
from app.parity.allowed import Allowed, AllowedDifferences
from app.parity.asking import Asking
from app.parity.client import Limits, NoAnswerError, Service
from app.parity.crowd import Crowd
from app.parity.difference import Kind
from app.parity.masking import Mask
from app.parity.outcome import Comparison, Result
from app.parity.recording import Answer, Request
from app.parity.selection import shuffled
from app.parity.verdict import Verdict
from tests.parity.services import Change, Changed, coverage, header_change, serving

_App = Callable[..., Iterable[bytes]]


@pytest.fixture
def app(make_app: Callable[..., WebApi]) -> WebApi:
    """The service."""
    return make_app(log_requests=False)


def _requests(*users: int) -> list[Request]:
    host = ("Host", "legacy.example")
    return [
        Request(
            "GET",
            f"/ChargeProcess/Status?user_id={user}",
            (host, ("Accept", f"application/{name}")),
        )
        for user in users
        for name in ("json", "xml")
    ]


@contextmanager
def _comparison(
    legacy: _App, new: _App, at_once: int = 1, limits: Limits | None = None
) -> Iterator[Comparison]:
    with (
        serving(legacy) as old_url,
        serving(new) as new_url,
        Service(old_url, limits=limits) as old,
        Service(new_url) as other,
    ):
        yield Comparison(old, other, crowd=Crowd() if at_once > 1 else None)


def _compared(
    legacy: _App,
    new: _App,
    requests: Iterable[Request],
    at_once: int = 1,
    limits: Limits | None = None,
) -> Verdict:
    verdict = Verdict(AllowedDifferences([], date.today()), Mask(()), coverage())
    with _comparison(legacy, new, at_once, limits) as comparison:
        for _, outcome in Asking(at_once, None, 1).run(comparison, requests):
            assert not isinstance(outcome, NoAnswerError)
            verdict.take(outcome)
    return verdict


def _names(verdict: Verdict) -> dict[str, int]:
    return {f"{found.name} {found.cause}".strip(): found.answers for found in verdict.findings}


def _asking(app: _App, user: Callable[[int], int]) -> _App:
    """Make a service that answers with another user's process."""

    def asked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        changed = {
            name: re.sub(r"\d+$", lambda found: str(user(int(found[0]))), environ[name])
            for name in ("QUERY_STRING", "REQUEST_URI", "RAW_URI")
        }
        return app({**environ, **changed}, start_response)

    return asked


def _price(answer: Answer) -> Answer:
    body = re.sub(rb'("price":|<price>)-?(?=\d)', rb"\g<1>7", answer.body)
    return Answer(answer.status, answer.headers, body)


def _percent(percents: Iterator[int]) -> Change:
    """Make a change after which each answer has the next percent."""

    def change(answer: Answer) -> Answer:
        body = re.sub(
            rb'("current_percent":|<current_percent>)[^,<]*',
            rb"\g<1>%d" % next(percents),
            answer.body,
        )
        return Answer(answer.status, answer.headers, body)

    return change


def _sometimes(change: Change, when: Iterable[bool]) -> Change:
    """Make a change of some answers; all others stay."""
    turns = iter(when)
    return lambda answer: change(answer) if next(turns, False) else answer


def test_another_users_answer_is_named(app: WebApi) -> None:
    """As one finding, in both formats, also where the other user's request comes later."""
    new = _asking(app, lambda user: 1003 - (user - 1000))

    verdict = _compared(app, new, _requests(1000, 1001, 1002, 1003))

    assert _names(verdict) == {"another user's answer": 8}
    shown = [str(found.difference.found) for found in verdict.findings[0].examples]
    assert any(text.startswith("user 100") for text in shown)


def test_another_process_is_named(app: WebApi) -> None:
    """Without a request for that user, it is not known whose it is."""
    verdict = _compared(app, _asking(app, lambda _: 1010), _requests(1000))

    assert _names(verdict) == {"another process": 2}


def test_a_stale_answer_is_named(app: WebApi) -> None:
    """It is what the legacy service answered before."""
    percents = {"now": 10}
    current = Changed(app, lambda answer: _percent(iter([percents["now"]]))(answer))
    stale = Changed(app, lambda answer: _percent(iter([10]))(answer))
    (request, _) = _requests(1)
    verdict = Verdict(AllowedDifferences([], date.today()), Mask(()), coverage())

    with _comparison(current, stale) as comparison:
        verdict.take(comparison(request))
        percents["now"] = 20
        verdict.take(comparison(request))

    assert verdict.counts == {Result.SAME: 1, Result.DIFFERENT: 1}
    assert _names(verdict) == {"stale answer": 1}


def test_a_stale_answer_keeps_its_differences_of_form(app: WebApi) -> None:
    """Its values are the legacy service's, but not how they are written."""
    percents = {"now": 10}
    current = Changed(app, lambda answer: _percent(iter([percents["now"]]))(answer))

    def written(answer: Answer) -> Answer:
        body = _percent(iter([10]))(answer).body.replace(b"ChargeCloudAPI.Models", b"Other")
        return Answer(answer.status, answer.headers, body)

    (_, request) = _requests(1)
    entry = Allowed("cache", "r", date.max, Kind.STALE)
    verdict = Verdict(AllowedDifferences([entry], date.today()), Mask(()), coverage())

    with _comparison(current, Changed(app, written)) as comparison:
        verdict.take(comparison(request))
        percents["now"] = 20
        verdict.take(comparison(request))

    assert _names(verdict) == {"namespace": 2, "other value current_percent": 1}


def test_a_second_answer_that_differs_is_named(app: WebApi) -> None:
    """A cache that loses a header."""
    times: Counter[str] = Counter()

    def cached(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = environ["QUERY_STRING"] + environ["HTTP_ACCEPT"]
        times[asked] += 1

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            kept = [pair for pair in headers if times[asked] < 2 or pair[0] != "Pragma"]
            return start_response(status, kept, error)

        return app(environ, start)

    verdict = _compared(app, cached, shuffled(_requests(1000, 1001, 1002), 1, repeat=2))

    assert verdict.counts[Result.SAME] == 6
    assert _names(verdict) == {"header, only when asked again Pragma": 12}


def test_an_answer_that_depends_on_how_many_are_asked_at_once_is_named(app: WebApi) -> None:
    """It is right as soon as it is requested alone."""
    inside: list[int] = []
    lock = threading.Lock()

    def crowded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with lock:
            inside.append(1)
        time.sleep(0.01)
        change = _price if len(inside) > 1 else lambda answer: answer
        try:
            return list(Changed(app, change)(environ, start_response))
        finally:
            with lock:
                inside.pop()

    verdict = _compared(app, crowded, _requests(*range(1000, 1012)), at_once=6)

    assert len(verdict.findings) == 1
    assert verdict.findings[0].name == "other value, only when many are asked at once"


def test_an_answer_that_becomes_right_does_not_depend_on_others(app: WebApi) -> None:
    """It was right alone only because that was later."""
    times: Counter[str] = Counter()
    lock = threading.Lock()

    def warming(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = environ["QUERY_STRING"] + environ["HTTP_ACCEPT"]
        with lock:
            times[asked] += 1
            change = _price if times[asked] < 3 else lambda answer: answer
        return Changed(app, change)(environ, start_response)

    verdict = _compared(app, warming, _requests(*range(1001, 1010)), at_once=6)

    assert [found.name for found in verdict.findings] == ["other value"]


def test_an_answer_that_is_wrong_once_is_flaky_and_never_moved(app: WebApi) -> None:
    """The legacy service's answers all agree."""
    new = Changed(app, _sometimes(_price, (turn % 3 == 0 for turn in range(100))))

    verdict = _compared(app, new, _requests(*range(1, 2), *range(1001, 1009)))

    assert verdict.counts[Result.MOVED] == 0
    assert verdict.counts[Result.FLAKY] > 3
    assert {found.name for found in verdict.findings} == {"flaky: other value"}


def test_a_flaky_answer_makes_its_own_finding_flaky(app: WebApi) -> None:
    """Not the steady one beside it."""
    headers = _sometimes(
        lambda answer: Answer(answer.status, (*answer.headers, ("ETag", "1")), answer.body),
        (turn == 5 for turn in range(100)),
    )
    new = Changed(app, lambda answer: headers(_price(answer)))

    verdict = _compared(app, new, _requests(1, 1001, 1003, 1005))

    assert _names(verdict) == {"other value price": 6, "flaky: header ETag": 1}


def test_a_wrong_member_beside_one_that_moves_is_different(app: WebApi) -> None:
    """The one that moves is none."""
    legacy = Changed(app, _percent(count(10)))
    new = Changed(app, lambda answer: _price(_percent(count(500))(answer)))

    verdict = _compared(legacy, new, _requests(1))

    assert _names(verdict) == {"other value price": 2}
    assert verdict.counts == {Result.DIFFERENT: 2}


def test_a_value_that_moves_is_no_finding(app: WebApi) -> None:
    """It is counted apart."""
    verdict = _compared(Changed(app, _percent(count(100))), app, _requests(1))

    assert verdict.counts == {Result.MOVED: 2}
    assert verdict.compared == 0


def test_a_header_that_moves_hides_nothing_else(app: WebApi) -> None:
    """What the legacy service never repeats is not compared; that it is missing is."""
    numbers = count()

    def marked(answer: Answer) -> Answer:
        header = ("X-Number", str(next(numbers)))
        return Answer(answer.status, (*answer.headers, header), answer.body)

    both = _compared(Changed(app, marked), Changed(app, marked), _requests(1))
    one = _compared(Changed(app, marked), Changed(app, lambda answer: answer), _requests(1))

    assert both.counts == {Result.SAME: 2}
    assert both.noise == {(Kind.HEADER, "X-Number"): 2}
    assert _names(one) == {"header X-Number": 2}


def _member(member: str, value: Callable[[bytes], bytes]) -> Change:
    """Make a change of a member in JSON, with its name."""
    pattern = re.compile(rb',"%b":[^,}]*' % member.encode())
    return lambda answer: Answer(
        answer.status, answer.headers, pattern.sub(lambda found: value(found[0]), answer.body)
    )


@pytest.mark.parametrize(
    ("value", "finding"),
    [
        (lambda _: b"", "missing member current_percent"),
        (lambda _: b',"current_percent":null', "nil"),
        (lambda pair: pair.replace(b":", b':"') + b'"', "value type"),
        (lambda pair: pair + b"000", "number scale"),
    ],
)
def test_a_value_that_moves_excuses_no_other_kind(
    app: WebApi, value: Callable[[bytes], bytes], finding: str
) -> None:
    """It is no reason to leave it out, to write null or text, or to write it otherwise."""
    percents = {"now": 10.25}

    def legacy(answer: Answer) -> Answer:
        percents["now"] += 1
        return _member("current_percent", lambda _: b',"current_percent":%.2f' % percents["now"])(
            answer
        )

    def latest(answer: Answer) -> Answer:
        # What the legacy service answers next.
        percent = b',"current_percent":%.2f' % (percents["now"] + 1)
        return _member("current_percent", lambda _: value(percent))(answer)

    verdict = _compared(Changed(app, legacy), Changed(app, latest), _requests(1)[:1])

    assert _names(verdict) == {finding: 1}


@pytest.mark.parametrize("text", [b"n/a", b"", b"true", b"2026-01-02T03:04:05Z"])
def test_a_number_that_moves_excuses_no_other_sort_of_text_in_xml(app: WebApi, text: bytes) -> None:
    """XML writes numbers, dates, booleans and text alike."""

    def other(answer: Answer) -> Answer:
        body = re.sub(rb"(?<=<current_percent>)[^<]*", text, answer.body)
        return Answer(answer.status, answer.headers, body)

    legacy = Changed(app, _percent(count(10)))

    verdict = _compared(legacy, Changed(app, other), _requests(1)[1:])

    assert _names(verdict) == {"other value current_percent": 1}


def test_an_order_that_moves_excuses_no_other_body(app: WebApi) -> None:
    """Null in place of a process is not another order."""
    turns = count()

    def flipped(answer: Answer) -> Answer:
        pairs = answer.body[1:-1].split(b",", 1)
        body = b"{%b,%b}" % (pairs[1], pairs[0]) if next(turns) % 2 else answer.body
        return Answer(answer.status, answer.headers, body)

    null = Changed(app, lambda answer: Answer(answer.status, answer.headers, b"null"))
    requests = _requests(1000)[:1]

    assert _names(_compared(Changed(app, flipped), null, requests)) == {"nil": 1}
    assert _compared(Changed(app, flipped), app, requests).counts == {Result.SAME: 1}


def test_a_content_type_that_moves_excuses_no_other(app: WebApi) -> None:
    """Only the spellings that the legacy service uses itself."""
    turns = count()

    def spelled(text: str) -> str:
        return text.replace("; ", ";") if next(turns) % 2 else text

    legacy = Changed(app, header_change("Content-Type", spelled))
    html = Changed(app, header_change("Content-Type", lambda _: "text/html"))

    names = _names(_compared(legacy, html, _requests(1000)[:1]))

    assert "media type application/json \N{RIGHTWARDS ARROW} text/html" in names


def test_an_error_that_the_legacy_service_answers_now_and_then_is_not_the_same(
    app: WebApi,
) -> None:
    """A rate limit of the legacy service is no reason to answer with an error always."""
    turns = count(1)
    slow = Answer(429, (("Content-Type", "text/plain"),), b"slow down")
    legacy = Changed(app, lambda answer: answer if next(turns) % 2 else slow)
    new = Changed(app, lambda _: slow)

    verdict = _compared(legacy, new, _requests(1000))

    assert _names(verdict) == {"status 200 \N{RIGHTWARDS ARROW} 429": 2}


def test_a_process_that_ends_while_it_is_compared_has_moved(app: WebApi) -> None:
    """Both services answer with the error from then on."""
    gone = Answer(404, (("Content-Type", "text/plain"),), b"gone")
    turns = count()
    legacy = Changed(app, lambda answer: answer if next(turns) < 1 else gone)
    new = Changed(app, lambda _: gone)

    assert _compared(legacy, new, _requests(1000)[:1]).counts == {Result.MOVED: 1}


def test_a_difference_is_kept_if_its_confirmation_has_no_answer(app: WebApi) -> None:
    """The legacy service ends after its first two answers."""
    turns = count()

    def legacy(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if next(turns) > 1:
            raise ConnectionError
        return app(environ, start_response)

    new = Changed(app, _price)

    verdict = _compared(legacy, new, _requests(1000)[:1], limits=Limits(timeout=2))

    assert _names(verdict) == {"other value price": 1}


def test_an_identical_service_differs_at_no_time(app: WebApi) -> None:
    """Asked again, by many at once."""
    requests = shuffled(_requests(*range(1000, 1020)), 3, repeat=2)

    verdict = _compared(app, app, requests, at_once=8)

    assert verdict.counts == {Result.SAME: 120}
    assert verdict.problems == []
