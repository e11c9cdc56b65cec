"""The service while its database is away, silent, or restarted: nothing waits, nothing is lost."""

import re
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import psycopg
import pytest

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.store.store import Store
from app.store.transfer import records
from tests import postgres, truth

_COMMAND = [sys.executable, "-m", "app", "serve", "--workers", "1"]
_STATUS = "/ChargeProcess/Status?user_id=1"
_TIMEOUT = 3
_MESSAGE = "An error has occurred."


@dataclass
class Service:
    """A running service with one worker and its database."""

    port: int
    server: truth.Server
    database: postgres.Stoppable

    def ask(self, target: str, accept: str = "application/json") -> truth.Answer:
        """Ask over a connection of its own."""
        client = truth.Client(self.port)
        try:
            return client.ask("GET", target, [("Host", "a"), ("Accept", accept)])
        finally:
            client.close()

    def timed(self, target: str) -> tuple[int, float]:
        """Return an answer's status and its seconds."""
        started = time.monotonic()
        return self.ask(target).status, time.monotonic() - started

    def until_answered(self) -> float:
        """Return how long it takes until the status is answered again, in seconds."""
        started = time.monotonic()
        truth.until(lambda: self.ask(_STATUS).status == 200, 10)
        return time.monotonic() - started

    def connections(self) -> int:
        """Return how many connections the database has."""
        with psycopg.connect(self.database.uri) as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            return int((connection.execute(query).fetchone() or (0,))[0])

    def threads(self) -> int:
        """Return how many threads the worker has."""
        (worker,) = psutil.Process(self.server.pid).children()
        return int(worker.num_threads())


@pytest.fixture(scope="module")
def database() -> Iterator[postgres.Stoppable]:
    """A server of its own, with the recorded processes."""
    with postgres.stoppable() as running:
        with truth.PROCESSES.open("rb") as stream:
            Store(running.uri, RESOURCES).replace(
                CHARGE_PROCESS, records.read(stream, "processes.jsonl", CHARGE_PROCESS)
            )
        yield running
        running.resume()


@pytest.fixture
def service(
    database: postgres.Stoppable, clean_env: dict[str, str], tmp_path: Path
) -> Iterator[Service]:
    """A service that has answered once."""
    port = truth.free_port()
    env = {
        **clean_env,
        "CHARGECLOUD_DATABASE_URL": database.uri,
        "CHARGECLOUD_DATABASE_TIMEOUT": str(_TIMEOUT),
    }
    with truth.running([*_COMMAND, "--bind", f"127.0.0.1:{port}"], port, env, tmp_path) as server:
        made = Service(port, server, database)
        assert made.ask(_STATUS).status == 200
        yield made
        assert "Traceback" not in server.output()


def test_a_database_that_is_away(service: Service) -> None:
    """A negotiated 500 at once, one line with the reason, and the answer when it is back."""
    service.database.stop()
    as_json, as_xml = service.ask(_STATUS), service.ask(_STATUS, "text/xml")
    other = service.ask("/nothing")
    truth.until(lambda: len(_unreachable(service)) == 2)
    service.database.start()

    assert as_json.status == as_xml.status == 500
    assert truth.json_of(as_json) == {"Message": _MESSAGE}
    assert as_xml.body.decode() == f"<Error><Message>{_MESSAGE}</Message></Error>"
    assert other.status == 404
    assert service.until_answered() < 3


def _unreachable(service: Service) -> list[str]:
    """Return the lines that say that the database can't be reached."""
    return re.findall(r"can't be read: .*connection to server", service.server.output())


def test_a_database_that_never_answers(service: Service) -> None:
    """Requests end in time, later ones at once; afterwards all is as it was before."""
    service.until_answered()
    threads, connections = service.threads(), service.connections()
    service.database.pause()
    try:
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(service.timed, [_STATUS] * 20))
        refused = [service.timed(_STATUS) for _ in range(20)]
        others = [service.timed("/nothing") for _ in range(20)]
        ready = service.timed("/readyz")
    finally:
        service.database.resume()
    back = service.until_answered()

    assert {status for status, _ in answers + refused} == {500}
    # Those that wait for a thread meanwhile may be a trial then.
    assert max(seconds for _, seconds in answers) < _TIMEOUT + 1.5
    assert median(seconds for _, seconds in refused) < 0.2
    assert {status for status, _ in others} == {404}
    assert median(seconds for _, seconds in others) < 0.2
    assert ready[0] == 503
    assert ready[1] < 1.5
    assert back < 2
    assert "the server does not answer" in service.server.output()
    # The worker's four threads start by demand: three of them may be new.
    truth.until(lambda: service.threads() <= threads + 3, 10)
    truth.until(lambda: service.connections() <= connections + 2, 10)


def test_a_database_that_is_restarted_under_load(service: Service) -> None:
    """Requests are answered with 200 or 500, none is lost, and soon all with 200 again."""
    statuses: list[tuple[float, int]] = []
    done = threading.Event()

    def poll() -> None:
        client = truth.Client(service.port)
        while not done.is_set():
            answer = client.ask("GET", _STATUS, [("Host", "a")])
            statuses.append((time.monotonic(), answer.status))
        client.close()

    with ThreadPoolExecutor(4) as pool:
        polling = [pool.submit(poll) for _ in range(4)]
        time.sleep(0.5)
        service.database.stop()
        time.sleep(0.5)
        service.database.start()
        back = time.monotonic()
        time.sleep(1.5)
        done.set()
        for future in polling:
            future.result()

    assert {status for _, status in statuses} == {200, 500}
    assert {status for at, status in statuses if at > back + 1} == {200}


def test_a_kept_connection_that_was_lost_costs_no_answer(service: Service) -> None:
    """The query is repeated on a new one."""
    service.database.stop()
    service.database.start()

    assert [service.ask(_STATUS).status for _ in range(6)] == [200] * 6


def test_a_locked_table_is_given_up_in_time(service: Service) -> None:
    """A slow query is not an outage: other requests that the database can answer are answered."""
    with psycopg.connect(service.database.uri) as connection:
        connection.execute("LOCK TABLE charge_process IN ACCESS EXCLUSIVE MODE")
        status, seconds = service.timed(_STATUS)
        other = service.timed("/healthz")
        connection.rollback()

    assert status == 500
    assert 1 < seconds < _TIMEOUT
    assert other[0] == 200
    assert service.ask(_STATUS).status == 200
    assert "due to statement timeout" in service.server.output()
    assert "not answer" not in service.server.output()
