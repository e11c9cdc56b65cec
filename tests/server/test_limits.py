"""What each server takes of a request's head, and what it refuses soon and in little memory."""

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from app.server.limits import HEAD_BYTES
from tests import truth

_STATUS = "/ChargeProcess/Status?user_id=1"
Served = tuple[str, int, truth.Server]


@pytest.fixture(scope="module", params=["gunicorn", "granian", "waitress"])
def served(
    request: pytest.FixtureRequest, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Each server with one worker."""
    port = truth.free_port()
    command = [sys.executable, "-m", "app", "serve", "--server", request.param]
    command += ["--workers", "1", "--bind", f"127.0.0.1:{port}"]
    env = {
        "CHARGECLOUD_DATABASE_URL": database_url,
        "CHARGECLOUD_LOG_REQUESTS": "off",
        "PYTHONPATH": str(Path(__file__).parent.parent.parent),
    }
    with truth.running(command, port, env, tmp_path_factory.mktemp("served")) as server:
        yield request.param, port, server


def _ask(port: int, headers: list[tuple[str, str]], method: str = "GET") -> truth.Answer:
    client = truth.Client(port)
    try:
        return client.ask(method, _STATUS, [("Host", "a"), *headers, ("Connection", "close")])
    finally:
        client.close()


def test_a_long_header_is_taken(served: Served) -> None:
    """A Kerberos ticket or cookie of 15,000 bytes."""
    _, port, _ = served

    assert _ask(port, [("Cookie", "a" * 15_000)]).status == 200


def test_a_head_of_the_longest_size_is_taken(served: Served) -> None:
    """From the request line to the empty one."""
    name, port, _ = served
    lines = f"GET {_STATUS} HTTP/1.1\r\nHost: a\r\nX: \r\nConnection: close\r\n\r\n"

    answer = _ask(port, [("X", "a" * (HEAD_BYTES - len(lines)))])

    assert answer.status == 200, name


def test_many_headers_are_taken(served: Served) -> None:
    """150; granian takes no more than 100."""
    name, port, _ = served

    status = _ask(port, [(f"X-{number}", "a") for number in range(150)]).status

    assert status == (431 if name == "granian" else 200)


@pytest.mark.parametrize(
    "headers",
    [
        [("Accept", f"text/x{number};{'a' * 8_000}") for number in range(90)],
        [("X", "a" * HEAD_BYTES)],
        [(f"X-{number}", "a") for number in range(5_000)],
    ],
    ids=["90 Accept lines of 8 KB", "one long header", "5,000 headers"],
)
def test_a_larger_head_is_refused_at_little_cost(
    served: Served, headers: list[tuple[str, str]]
) -> None:
    """The time for ten of them is short, and the memory stays."""
    _, port, server = served
    assert _ask(port, []).status == 200
    worker = psutil.Process(server.pid)
    workers = [worker, *worker.children()]
    memory = sum(each.memory_info().rss for each in workers)
    started = sum(sum(each.cpu_times()[:2]) for each in workers)

    statuses = set()
    for _ in range(10):
        with suppress(ConnectionError, IndexError):
            # A server may close while the client still sends.
            statuses.add(_ask(port, headers).status)

    assert statuses <= {431}
    assert sum(sum(each.cpu_times()[:2]) for each in workers) - started < 2
    assert sum(each.memory_info().rss for each in workers) - memory < 8 * 1024 * 1024
    assert _ask(port, []).status == 200


@pytest.mark.parametrize("verb", ["get", "Get", "FOO!", "A" * 300])
def test_verbs_are_web_apis(served: Served, verb: str) -> None:
    """GET counts in any case, and any other token is a 405; waitress refuses small letters."""
    name, port, _ = served

    status = _ask(port, [], verb).status

    if name == "waitress" and verb != verb.upper():
        assert status == 400
    else:
        assert status == (200 if verb.upper() == "GET" else 405)


def test_a_list_in_connection_that_has_close(served: Served) -> None:
    """What clients built on Perl's LWP send; only granian reads it as a list."""
    name, port, _ = served
    client = truth.Client(port)
    answer = client.ask(
        "GET", _STATUS, [("Host", "a"), ("TE", "deflate"), ("Connection", "TE, close")]
    )
    client.close()

    assert answer.status == 200
    assert (answer.header("Connection") == "close") is (name == "granian")


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET %s HTTP/1.1\r\n\r\n", {"gunicorn": 200, "granian": 200, "waitress": 200}),
        (
            b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
            {"gunicorn": 404, "granian": 404, "waitress": 404},
        ),
        (
            b"GET %s HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
            {"gunicorn": 400, "granian": 200, "waitress": 200},
        ),
        (
            b"GET %s HTTP/1.1\r\nHost: a\r\nAccept: a\x01\r\n\r\n",
            {"gunicorn": 400, "granian": 400, "waitress": 400},
        ),
    ],
    ids=["no Host", "OPTIONS *", "two Content-Type lines", "a control character"],
)
def test_rare_requests_get_what_the_readme_says(
    served: Served, request_bytes: bytes, expected: dict[str, int]
) -> None:
    """The table of differences in app/server/README.md."""
    name, port, _ = served
    client = truth.Client(port)
    answer = client.send(request_bytes.replace(b"%s", _STATUS.encode()))
    client.close()

    assert answer.status == expected[name]


def test_the_next_request_is_answered_soon(served: Served) -> None:
    """Nothing that was refused above is still worked on."""
    _, port, _ = served
    started = time.monotonic()

    assert _ask(port, []).status == 200
    assert time.monotonic() - started < 5
