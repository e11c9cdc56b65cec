"""Two instances behind nginx share one PostgreSQL, and one of them may die."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
import pytest

from app.host.actions import RESOURCES
from app.host.application import WebApi
from app.server import demo
from app.store.store import Store
from tests import truth
from tests.server.deploy import site

_STATUS = "/ChargeProcess/Status?user_id=1"
_CLIENTS = 6
_THREADS = 3


class Instance:
    """A service that can be killed and started again."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.port = truth.free_port()
        self._env = env
        self._folder = folder
        self._stack = ExitStack()

    def start(self) -> None:
        """Serve."""
        serve = [*site.CHARGECLOUD, "serve", "--bind", f"127.0.0.1:{self.port}", "--workers", "1"]
        serve += ["--threads", str(_THREADS)]
        self._server = self._stack.enter_context(
            truth.running(serve, self.port, self._env, self._folder)
        )

    def kill(self) -> None:
        """Kill the master and its worker with what they are at."""
        master = self._server.pid
        for pid in (master, *truth.children(master)):
            os.kill(pid, signal.SIGKILL)
        self._server.wait()

    def threads(self) -> int:
        """Return how many threads its worker has."""
        (worker,) = psutil.Process(self._server.pid).children()
        return int(worker.num_threads())

    def answered(self) -> int:
        """Return how many requests it logged since it was started."""
        return self._server.output().count('"route":"/ChargeProcess/Status"')

    def close(self) -> None:
        """Stop."""
        self._stack.close()


class Load:
    """Clients that send requests through nginx without a pause, and keep each wrong answer.

    ``broken`` counts the connections that ended within an answer.
    """

    def __init__(self, port: int, expected: bytes) -> None:
        self.wrong: list[object] = []
        self.count = 0
        self.broken = 0
        self._expected = expected
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(port,)) for _ in range(_CLIENTS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def wait(self, requests: int) -> None:
        """Wait until so many more were answered."""
        end = self.count + requests
        truth.until(lambda: self.count >= end)

    def _ask(self, port: int) -> None:
        client = site.TlsClient(port)
        while not self._done.is_set():
            try:
                answer = client.ask("GET", _STATUS, [("Host", "legacy.example")])
                if (answer.status, answer.body) != (200, self._expected):
                    self.wrong.append(answer)
            except ConnectionError:
                self.broken += 1
                client.close()
            except Exception as error:
                self.wrong.append(error)
                client.close()
            self.count += 1
        client.close()


@pytest.fixture
def expected(make_app: Callable[..., WebApi], tmp_path: Path) -> bytes:
    """What the demo's first user gets."""
    url = f"sqlite:///{tmp_path / 'demo.sqlite'}"
    demo.fill(Store(url, RESOURCES))
    return truth.call(make_app(database_url=url), _STATUS).body


@pytest.fixture
def instances(
    postgres_url: str, clean_env: dict[str, str], tmp_path: Path
) -> Iterator[list[Instance]]:
    """Two of them, on the demo's processes in PostgreSQL."""
    demo.fill(Store(postgres_url, RESOURCES))
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": postgres_url, "CHARGECLOUD_PROXY_HOPS": "1"}
    made = [Instance(env, tmp_path), Instance(env, tmp_path)]
    try:
        for instance in made:
            instance.start()
        yield made
    finally:
        for instance in made:
            instance.close()


def test_one_instance_is_killed_under_load(
    instances: list[Instance],
    postgres_url: str,
    clean_env: dict[str, str],
    tmp_path: Path,
    expected: bytes,
) -> None:
    """Requests spread; the survivor takes all, and the other its half again.

    Only an answer whose first bytes nginx has already taken can't come from the survivor: it is
    cut short, which the client notices. No thread of a worker has more than one connection.
    """
    one, other = instances
    port = truth.free_port()
    ports = [one.port, other.port]
    with (
        site.nginx(tmp_path, clean_env, port, ports, "--rate", "1000000"),
        Load(port, expected) as load,
    ):
        load.wait(300)
        spread = (one.answered(), other.answered())
        before = one.threads() + other.threads()
        connections = _connections(postgres_url)
        threads = max(before, one.threads() + other.threads())
        one.kill()
        load.wait(600)
        alone = other.answered()
        one.start()
        truth.until(lambda: one.answered() > 100)

    assert load.wrong == []
    assert load.broken <= _THREADS
    assert min(spread) > 0.3 * sum(spread)
    assert alone - spread[1] > 500
    assert connections <= threads


def _connections(url: str) -> int:
    """Return how many connections a database has besides the one that counts."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        ).fetchone()
    assert found is not None
    return int(found[0]) - 1
