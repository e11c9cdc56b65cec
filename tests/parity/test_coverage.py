"""What a run compared, and what that proves."""

import pytest

from app.parity.coverage import Coverage, Distinct, asked_format
from app.parity.document import root_of
from app.parity.recording import Answer, Headers, Request, read
from tests import truth
from tests.parity.services import coverage

_TARGET = "/ChargeProcess/Status?user_id="
_RECORDED = {item.id: item for item in read(truth.RECORDINGS / "recordings.jsonl")}
_JSON, _XML = _RECORDED[0].answer, _RECORDED[1].answer


def _asked(name: str, user: int = 1) -> Request:
    return Request("GET", f"{_TARGET}{user}", (("Accept", f"application/{name}"),))


def _answered(status: int, body: bytes = b"null", name: str = "json") -> Answer:
    return Answer(status, (("Content-Type", f"application/{name}; charset=utf-8"),), body)


def _take(made: Coverage, request: Request, answer: Answer) -> None:
    made.take(request, answer, root_of(answer))


def _both(*answers: Answer) -> Coverage:
    """Cover answers to requests for JSON and XML in turn."""
    made = coverage()
    for user, answer in enumerate(answers):
        _take(made, _asked(("json", "xml")[user % 2], user // 2), answer)
    return made


def test_each_member_is_counted_with_values_and_nulls() -> None:
    """In each format, with how many different values."""
    made = _both(_JSON, _XML, _JSON, _XML)
    _take(made, _asked("json", 7), _answered(200, b'{"process_id":7,"price":null,"pricing":21.0}'))

    json, xml = made.members["json"], made.members["xml"]
    assert len(json) == len(xml) == 22
    assert (json["process_id"].values, json["process_id"].distinct.count) == (3, 2)
    assert (json["price"].values, json["price"].nulls) == (2, 1)
    assert (json["pricing"].values, json["pricing"].distinct.count) == (3, 1)
    assert (xml["station_name"].values, xml["station_name"].nulls) == (2, 0)
    assert made.problems() == []


def test_answers_are_counted_by_status_format_charset_and_user() -> None:
    """The line of the summary says so, and which members had no value."""
    made = _both(_JSON, _XML, _JSON, _answered(404, b"<Error/>", "xml"))
    _take(made, _asked("json", 7), _answered(200))

    assert made.plain()["statuses"] == {"200": 4, "404": 1}
    assert made.lines() == [
        "covered: 200 (4), 404 (1); application/json (3), application/xml (2); utf-8 (5); users: 3"
        " (2 with a process); processes: 2 in JSON and 1 in XML"
    ]
    made = _both(_answered(200, b'{"process_id":7,"price":null}'))
    assert made.unseen()["json"][:2] == ["active", "charge_complete"]
    assert len(made.unseen()["json"]) == 21
    assert made.lines()[1].startswith("never seen with a value in JSON: active, ")


_NIL = b'<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><price i:nil="true" /></a>'


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([_answered(401)] * 4, "every answer was 401 (4 answers); check the credentials"),
        ([_answered(404)] * 4, "every answer was 404 (4 answers); check the path of the base URL"),
        ([_answered(500)] * 4, "every answer was 500 (4 answers); check the requests"),
        ([_answered(200)] * 4, "none of 4 answers held a process with a value (4 were null)"),
        ([_answered(200), _answered(404)], "none of 2 answers held a process with a value (1 were"),
        ([_answered(200, b"{}")], "none of 1 answer held a process with a value (0 were"),
        (
            [_answered(200, b'{"price":null,"pricing":null}')],
            "none of 1 answer held a process with a",
        ),
        ([_JSON, _answered(200, _NIL, "xml")], "for XML: 1 request asked"),
        ([_answered(200, b'{"Message":"no"}')], "none of 1 answer held a process"),
        ([_answered(500, _JSON.body)], "every answer was 500 (1 answer)"),
        ([_JSON, _answered(200)], "for XML: 1 request asked for it, and no answer in it held"),
        ([_answered(200), _XML], "for JSON: 1 request asked for it, and no answer in it held"),
        ([_JSON, _JSON], "for XML: 1 request asked for it"),
    ],
)
def test_nothing_proven_is_said(answers: list[Answer], said: str) -> None:
    """In a sentence that says what to look at."""
    (problem,) = _both(*answers).problems()

    assert problem.startswith("nothing was proven")
    assert said in problem


def test_a_format_that_nobody_asked_for_is_no_problem() -> None:
    """A client that accepts only JSON needs no XML."""
    made = coverage()
    _take(made, _asked("json"), _JSON)

    assert made.problems() == []


def test_memory_is_bounded() -> None:
    """Counting ends at the bound, and says so."""
    few, many = Distinct(3), coverage()
    for number in range(9):
        few.add(str(number))
    for number in range(2_000):
        _take(many, _asked("json"), _answered(200, b'{"price":%d}' % number))
        _take(many, _asked("json"), _answered(200, name=f"x{number}"))

    assert (few.count, str(few)) == (3, "3 or more")
    assert many.members["json"]["price"].distinct.count == 1_000
    assert len(many.media_types) < 100


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ((), None),
        ((("Accept", "*/*"),), None),
        ((("Accept", "application/json"),), "json"),
        ((("Accept", "TEXT/XML;q=0.5, image/png"),), "xml"),
        ((("Accept", "text/xml"), ("Accept", "application/json")), None),
        ((("Accept", "application/problem+json"),), None),
    ],
)
def test_the_format_that_is_asked_for(accept: Headers, expected: str | None) -> None:
    """None where the request leaves it open."""
    assert asked_format(Request("GET", "/", accept)) == expected
