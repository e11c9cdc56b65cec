"""Which answers are another's, and which only lack values."""

import json

import pytest

from app.parity.difference import Difference
from app.parity.document import root_of
from app.parity.explain import explain
from app.parity.identity import Identities
from app.parity.recording import Answer

_PROCESS = {
    "process_id": 7,
    "station_name": "North",
    "price": 19.75,
    "used_kwh": 14.25,
    "end_date": "2025-12-06T08:19:38+03:00",
    "active": True,
}
_NULL_XML = (
    '<A xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="http://a" i:nil="true" />'
)
_XML = _NULL_XML.replace(' i:nil="true" />', "><price>19.75</price></A>")
_EMPTY = dict.fromkeys(_PROCESS)


def _json(process: object) -> Answer:
    return Answer(200, (("Content-Type", "application/json"),), json.dumps(process).encode())


def _xml(text: str) -> Answer:
    return Answer(200, (("Content-Type", "application/xml"),), text.encode())


def _named(found: Answer, expected: Answer, *others: Answer) -> list[Difference]:
    """Return the differences of user 1's answer, where the others are those of users 2 and on."""
    identities = Identities()
    old, new = root_of(expected), root_of(found)
    assert old is not None
    assert new is not None
    for user, answer in enumerate([expected, *others], 1):
        root = root_of(answer)
        assert root is not None
        identities.remember(str(user), root)
    return identities.named(explain(expected, found), "1", old, new)


def _kinds(differences: list[Difference]) -> set[str]:
    return {str(item.kind) for item in differences}


@pytest.mark.parametrize(
    ("expected", "null"), [(_json(_PROCESS), _json(None)), (_xml(_XML), _xml(_NULL_XML))]
)
def test_null_is_no_other_users_answer(expected: Answer, null: Answer) -> None:
    """Though another user has none; it is one difference."""
    assert [str(item.kind) for item in _named(null, expected, null)] == ["nil"]


@pytest.mark.parametrize(
    ("empty", "kinds"),
    [
        (_EMPTY, {"nil"}),
        (_EMPTY | {"process_id": 1, "price": 0.0, "used_kwh": 0}, {"nil", "other value"}),
    ],
)
def test_members_without_a_value_are_no_other_process(
    empty: dict[str, object], kinds: set[str]
) -> None:
    """Null and zero belong to nobody, also where another user's are such."""
    assert _kinds(_named(_json(empty), _json(_PROCESS))) == kinds
    assert _kinds(_named(_json(_EMPTY), _json(_PROCESS), _json(_EMPTY))) == {"nil"}


def test_values_in_place_of_null_are_another_process() -> None:
    """They belong to somebody, who is named if the run knows the user."""
    found, expected = _json(_PROCESS), _json(_EMPTY)

    assert _kinds(_named(found, expected)) == {"another process"}
    assert _kinds(_named(found, _json(None), found)) == {"another user's answer"}
