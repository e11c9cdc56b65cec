"""/healthz and /readyz."""

import json
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from statistics import median

import pytest

from app.host.application import WebApi
from tests import truth


def test_a_living_process_is_healthy_without_a_store(
    make_app: Callable[..., WebApi], broken_url: str
) -> None:
    """/healthz answers while the store can't be read."""
    answer = truth.call(make_app(database_url=broken_url), "/healthz")

    assert answer.status == 200
    assert json.loads(answer.body) == {"status": "ok"}


def test_a_readable_store_is_ready(make_app: Callable[..., WebApi]) -> None:
    """/readyz answers 200 and each check's state."""
    answer = truth.call(make_app(), "/readyz")

    assert answer.status == 200
    assert json.loads(answer.body) == {"status": "ok", "checks": {"store": "ok"}}


def test_an_unreadable_store_is_not_ready(make_app: Callable[..., WebApi], broken_url: str) -> None:
    """/readyz answers 503 with the failed check, and nothing about where the store is."""
    answer = truth.call(make_app(database_url=broken_url), "/readyz")

    assert answer.status == 503
    assert json.loads(answer.body) == {"status": "failed", "checks": {"store": "failed"}}


def test_a_wrong_schema_is_not_ready(make_app: Callable[..., WebApi], tmp_path: Path) -> None:
    """A table of the right name without the right columns is not ready."""
    path = tmp_path / "wrong.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("create table charge_process (user_id integer)")
    connection.close()

    answer = truth.call(make_app(database_url=f"sqlite:///{path}"), "/readyz")

    assert answer.status == 503


def test_a_locked_store_is_not_ready_within_a_second(
    make_app: Callable[..., WebApi], tmp_path: Path
) -> None:
    """Though a request would wait longer for it."""
    path = tmp_path / "locked.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        app = make_app(database_url=f"sqlite:///{path}", database_timeout=60)

        started = time.monotonic()
        statuses = [truth.call(app, "/readyz").status for _ in range(3)]

    assert statuses == [503] * 3
    assert time.monotonic() - started < 2.5


def test_a_silent_database_is_not_ready_within_a_second(
    make_app: Callable[..., WebApi], silent_url: str
) -> None:
    """It takes connections and says nothing."""
    app = make_app(database_url=silent_url, database_timeout=60)

    started = time.monotonic()
    statuses = [truth.call(app, "/readyz").status for _ in range(3)]

    assert statuses == [503] * 3
    assert time.monotonic() - started < 2.5


def test_the_store_is_asked_a_few_times_a_second(
    make_app: Callable[..., WebApi], silent_url: str, silent_server: socket.socket
) -> None:
    """However many threads probe; those that come during a query don't wait."""
    app = make_app(database_url=silent_url)
    truth.call(app, "/readyz")
    until = time.monotonic() + 1.5

    def ask() -> list[float]:
        waited = []
        while (started := time.monotonic()) < until:
            assert truth.call(app, "/readyz").status == 503
            waited.append(time.monotonic() - started)
        return waited

    with ThreadPoolExecutor(4) as pool:
        waited = [
            seconds for each in [pool.submit(ask) for _ in range(4)] for seconds in each.result()
        ]

    assert len(waited) > 50
    assert median(waited) < 0.1
    assert _accepted(silent_server) < 10


def _accepted(server: socket.socket) -> int:
    """Return how many connections wait to be accepted, and end them."""
    server.settimeout(0.1)
    count = 0
    with suppress(TimeoutError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A server that never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server


@pytest.fixture
def silent_url(silent_server: socket.socket) -> str:
    """The URL of a database that never says anything."""
    return f"postgresql://a@127.0.0.1:{silent_server.getsockname()[1]}/a"


@pytest.mark.parametrize("target", ["/Healthz", "/HEALTHZ", "/ReadyZ", "/api/healthz"])
def test_probes_take_no_other_case_and_shadow_no_legacy_path(
    make_app: Callable[..., WebApi], target: str
) -> None:
    """Any other spelling is Web API's own 404."""
    answer = truth.call(make_app(), target)

    assert answer.status == 404
    assert b"No HTTP resource was found" in answer.body
