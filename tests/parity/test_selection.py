"""Users, the matrix, and their order."""

import gzip
from pathlib import Path

import pytest

from app.parity import matrix
from app.parity.access_log import AccessLog
from app.parity.selection import Selection, SelectionError, shuffled, users
from app.webapi.routing import HttpActionDescriptor
from tests import truth

_ACTION = HttpActionDescriptor("ChargeProcess", "Status", "user_id", "", "")


def _selection(text: str, *, by_matrix: bool = False, limit: int | None = None) -> Selection:
    return Selection(_ACTION, "legacy.example", users(text), by_matrix=by_matrix, limit=limit)


@pytest.mark.parametrize(
    ("text", "ids"), [("7", [7]), ("1-3,7", [1, 2, 3, 7]), ("-2--1", [-2, -1]), ("5, 6", [5, 6])]
)
def test_users_are_ids_and_ranges(text: str, ids: list[int]) -> None:
    """Between commas."""
    assert list(users(text)()) == ids


@pytest.mark.parametrize("text", ["", "x", "3-1", "2147483648", "1-", "1;2"])
def test_other_users_are_refused(text: str) -> None:
    """The message names what can't be read."""
    with pytest.raises(SelectionError, match="--users: "):
        users(text)


def test_users_may_stand_in_a_file(tmp_path: Path) -> None:
    """One a line; a wrong line is named before the first request."""
    path = tmp_path / "users.txt"
    path.write_text("1\n\n5-6\n", encoding="utf-8")
    assert list(users(str(path))()) == [1, 5, 6]

    path.write_text("1\nx\n", encoding="utf-8")
    with pytest.raises(SelectionError, match=r"users\.txt:2: "):
        users(str(path))


def test_users_may_be_many() -> None:
    """More than a file's name may be long."""
    assert list(users(",".join(map(str, range(2000))))()) == [*range(2000)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_of_users_may_be_packed_and_in_utf16(tmp_path: Path, encoding: str) -> None:
    """As spreadsheets and PowerShell write it."""
    path = tmp_path / "users.gz"
    path.write_bytes(gzip.compress("1\r\n5-6\r\n".encode(encoding)))

    assert list(users(str(path))()) == [1, 5, 6]


def test_a_user_is_asked_for_json_and_xml() -> None:
    """Without the matrix, with the Host."""
    asked = [(request.target, request.headers) for _, request in _selection("7")]

    assert asked == [
        ("/ChargeProcess/Status?user_id=7", (("Host", "legacy.example"), ("Accept", accept)))
        for accept in ("application/json", "application/xml")
    ]


def test_the_matrix_has_the_stated_size() -> None:
    """Of different requests, all GET."""
    asked = [request for _, request in _selection("7", by_matrix=True)]

    assert len(asked) == matrix.SIZE
    assert len(set(asked)) >= matrix.SIZE - 3
    assert {request.method for request in asked} == {"GET"}
    assert {tag for tag, _ in _selection("7", by_matrix=True)} == {
        "accept",
        "bind",
        "charset",
        "header",
        "route",
    }


def test_a_limit_bounds_all_sources(tmp_path: Path) -> None:
    """Users, logs and recordings together."""
    log = tmp_path / "log"
    log.write_text('- "GET /ChargeProcess/Status?user_id=9 HTTP/1.1" 200\n', encoding="utf-8")
    made = _selection("7", limit=5)
    made.logs = [AccessLog(log, _ACTION)]
    made.recorded = truth.RECORDINGS / "recordings.jsonl"

    assert [tag for tag, _ in made] == ["json", "xml", "combined", "combined", "value-json"]


def test_recordings_keep_their_host_and_give_only_gets() -> None:
    """The others can't be sent to a live service."""
    made = Selection(_ACTION, "legacy.example", recorded=truth.RECORDINGS / "recordings.jsonl")

    asked = [request for _, request in made]

    assert len(asked) == 1594
    assert asked[0].header("Host") == "127.0.0.1:5000"


def test_the_order_is_random_and_can_be_had_again() -> None:
    """By its seed; nothing is lost."""
    made = _selection("1-50")

    assert list(shuffled(made, 1)) == list(shuffled(made, 1)) != list(made)
    assert set(shuffled(made, 2)) == set(made)
