"""Connections of threads to a server that is slow, silent, full or gone."""

import gc
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from app.errors import StoreError
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store
from tests import truth

_TIMEOUT = 2.0
_SLACK = 1.5
"""Seconds that a busy machine may add."""


class Relay:
    """A server before PostgreSQL's socket that is slow to connect, or silent when it is told."""

    def __init__(self, target: str) -> None:
        self.connect_seconds = 0.0
        self.silent_at: bytes | None = None
        self.silent = threading.Event()
        self._target = target
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """End all connections."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            client, _ = self._listener.accept()
            self._threads.append(threading.Thread(target=self._pass_on, args=(client,)))
            self._threads[-1].start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            self._ended.wait(self.connect_seconds)
            server.connect(self._target)
            other = {client: server, server: client}
            while not self._ended.is_set():
                if self.silent.is_set():
                    self._ended.wait(0.02)
                    continue
                for ready in select.select([client, server], [], [], 0.02)[0]:
                    if not (part := ready.recv(65536)):
                        return
                    if self.silent_at and self.silent_at in part:
                        self.silent.set()
                        break
                    other[ready].sendall(part)


@pytest.fixture
def relay(postgres_url: str) -> Iterator[Callable[[], Relay]]:
    """Start a relay before a database with processes."""
    folder = parse_qs(urlsplit(postgres_url).query)["host"][0]
    Store(postgres_url, RESOURCES).replace(CHARGE_PROCESS, demo.processes())
    with ExitStack() as stack:

        def start() -> Relay:
            made = Relay(f"{folder}/.s.PGSQL.5432")
            stack.callback(made.close)
            return made

        yield start


def _store(*relays: Relay, timeout: float = _TIMEOUT) -> Store:
    hosts = "&".join(f"host=127.0.0.1:{relay.port}" for relay in relays)
    return Store(f"postgresql://postgres@/charges?{hosts}", RESOURCES, timeout)


def _ask(store: Store) -> tuple[str | None, float]:
    """Ask for a status; returns what went wrong, and the seconds."""
    started = time.monotonic()
    try:
        assert store.latest(CHARGE_PROCESS, 1) is not None
    except StoreError as error:
        return str(error), time.monotonic() - started
    return None, time.monotonic() - started


def test_silence_after_a_slow_connect(relay: Callable[[], Relay]) -> None:
    """The whole takes no longer than the timeout: connecting is part of it."""
    slow = relay()
    slow.connect_seconds = 1.0
    slow.silent_at = b"SELECT"

    error, seconds = _ask(_store(slow))

    assert error is not None
    assert "no answer before the deadline" in error
    assert 1 < seconds < _TIMEOUT + _SLACK


def test_a_server_that_connects_slowly_is_found_again(relay: Callable[[], Relay]) -> None:
    """Trials take longer and longer until one lasts long enough."""
    slow = relay()
    slow.connect_seconds = 0.8
    store = _store(slow)
    slow.silent.set()
    assert _ask(store)[0] is not None

    slow.silent.clear()

    truth.until(lambda: _ask(store)[0] is None, 10)
    store.close()


@pytest.mark.parametrize("servers", [1, 2, 3])
def test_several_silent_servers_share_the_time(relay: Callable[[], Relay], servers: int) -> None:
    """However many the URL names."""
    silent = [relay() for _ in range(servers)]
    for each in silent:
        each.silent.set()
    store = _store(*silent)

    error, seconds = _ask(store)
    later = [_ask(store) for _ in range(5)]

    assert error is not None
    assert seconds < _TIMEOUT + _SLACK
    assert all("the server does not answer" in str(said) for said, _ in later)
    assert min(seconds for _, seconds in later) < 0.1


def test_the_second_server_answers_while_the_first_is_silent(relay: Callable[[], Relay]) -> None:
    """In the time of the first request; the next ones keep the connection."""
    silent, well = relay(), relay()
    silent.silent.set()
    store = _store(silent, well)

    first, second = _ask(store), _ask(store)
    store.close()

    assert first[0] is second[0] is None
    assert first[1] < _TIMEOUT + _SLACK
    assert second[1] < _TIMEOUT / 2


def test_a_dead_connection_beside_a_living_server_opens_nothing(
    relay: Callable[[], Relay],
) -> None:
    """Its request fails; all others are answered."""
    dying, well = relay(), relay()
    store = _store(dying, well)
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        assert first.submit(_ask, store).result()[0] is None
        dying.silent.set()
        lost = first.submit(_ask, store)
        answered = second.submit(_ask, store).result()
        later = [pool.submit(_ask, store).result() for pool in (second, first, second)]
        for pool in (first, second):
            pool.submit(store.close).result()

    assert answered[0] is None
    assert "no answer before the deadline" in str(lost.result()[0])
    assert [error for error, _ in later] == [None] * 3


@contextmanager
def _limited(url: str, connections: int) -> Iterator[str]:
    """Let a role have so many connections; gives its URL."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE few LOGIN CONNECTION LIMIT {connections}")
        admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO few")
        try:
            yield url.replace("//postgres:@", "//few@").replace("//postgres@", "//few@")
        finally:
            admin.execute("DROP OWNED BY few")
            admin.execute("DROP ROLE few")


def test_no_connection_is_left_and_one_waits_for_a_lock(postgres_url: str) -> None:
    """What is refused fails at once, and the kept connections go on answering."""
    Store(postgres_url, RESOURCES).replace(CHARGE_PROCESS, demo.processes())
    with (
        _limited(postgres_url, 2) as url,
        ThreadPoolExecutor(1) as first,
        ThreadPoolExecutor(1) as second,
        ThreadPoolExecutor(1) as third,
    ):
        store = Store(url, RESOURCES, 5.0)
        assert first.submit(_ask, store).result()[0] is None
        assert second.submit(_ask, store).result()[0] is None
        with psycopg.connect(postgres_url) as locking:
            locking.execute("LOCK TABLE charge_process IN ACCESS EXCLUSIVE MODE")
            waiting = first.submit(_ask, store)
            refused = [third.submit(_ask, store) for _ in range(5)]
            time.sleep(1.3)
            locking.rollback()
        locked_error, locked_seconds = waiting.result()
        refusals = [future.result() for future in refused]
        kept = [second.submit(_ask, store).result() for _ in range(5)]
        for pool in (first, second, third):
            pool.submit(store.close).result()

    assert locked_error is None
    assert locked_seconds > 1.2
    assert all("too many connections" in str(error) for error, _ in refusals)
    assert max(seconds for _, seconds in refusals) < 1
    assert [error for error, _ in kept] == [None] * 5


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_a_thread_that_ends_leaves_nothing_open(recorded_url: str) -> None:
    """Nor does a store that is dropped."""
    gc.collect()
    before = _descriptors()
    stores = [Store(recorded_url, RESOURCES)]
    together = threading.Barrier(5)

    def ask() -> None:
        together.wait(10)
        stores[0].latest(CHARGE_PROCESS, 1)
        together.wait(10)

    with ThreadPoolExecutor(5) as pool:
        for future in [pool.submit(ask) for _ in range(5)]:
            future.result()
        assert _descriptors() >= before + 5
    truth.until(lambda: _descriptors() <= before, 5)

    stores[0].latest(CHARGE_PROCESS, 1)
    assert _descriptors() > before
    stores.clear()
    gc.collect()
    assert _descriptors() <= before


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "store.close()", "del store"])
def test_a_process_that_ends_leaves_nothing_open(recorded_url: str, ending: str) -> None:
    """Python 3.13 would warn of it."""
    code = (
        "from app.host.actions import CHARGE_PROCESS, RESOURCES\n"
        "from app.store.store import Store\n"
        f"store = Store({recorded_url!r}, RESOURCES)\n"
        f"store.latest(CHARGE_PROCESS, 1)\n{ending}"
    )

    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True)

    assert done.stderr == b""


_FORK = """\
import os, sys
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.store.deadline import SilenceError
from app.store.store import Store

store = Store(sys.argv[1], RESOURCES)
assert store.latest(CHARGE_PROCESS, 1) is not None
breaker = store._connections._breaker
if breaker is not None:
    try:
        with breaker.call():
            raise SilenceError
    except SilenceError:
        assert breaker.is_open
    breaker._lock.acquire()
child = os.fork()
if not child:
    assert store.latest(CHARGE_PROCESS, 1) is not None
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
if breaker is not None:
    breaker._lock.release()
    import time
    time.sleep(0.3)
assert store.latest(CHARGE_PROCESS, 1) is not None
print("whole")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_in_the_middle_of_an_outage(recorded_url: str) -> None:
    """The child has connections and a breaker of its own; its parent keeps its own ones."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _FORK, recorded_url], capture_output=True, timeout=60
    )

    assert done.stderr == b""
    assert done.stdout == b"whole\n"
