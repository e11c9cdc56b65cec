"""Soak, kills, stops and reloads under load, in sizes for every day.

By hand, longer: ``python -m tests.measure.soak``, CHARGE_KILLS=30 for the kills, CHARGE_FLOODS=20
for the floods.
"""

import os
import resource
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import truth
from tests.measure import soak

Service = tuple[int, truth.Server]


@pytest.fixture
def service(database_url: str, clean_env: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """Two workers on the recorded processes."""
    port = truth.free_port()
    command = [sys.executable, "-m", "app", "serve"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", "2"]
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    with truth.running(command, port, env, tmp_path) as server:
        yield port, server


def _during(seconds: float, port: int, connections: int, act: Callable[[], None]) -> soak.Outcome:
    """Send valid requests for so many seconds, in whose midst something happens."""
    end = time.monotonic() + seconds
    actor = threading.Timer(seconds / 3, act)
    actor.start()
    outcome = soak.run(port, connections, lambda: time.monotonic() < end, soak.valid)
    actor.join()
    return outcome


def test_mixed_requests_are_all_answered_without_growth(service: Service) -> None:
    """20,000 valid, invalid and hostile ones: none lost, no 5xx, flat memory and descriptors.

    Meanwhile another client resets its connections, and a third sends slowly.
    """
    port, server = service
    soak.run(port, 64, soak.counted(4_000))
    memory, descriptors = soak.resources(server.pid)

    with soak.disturbing(port) as disturbances:
        outcome = soak.run(port, 64, soak.counted(20_000))

    time.sleep(0.5)
    after = soak.resources(server.pid)
    assert disturbances.resets > 10
    assert disturbances.slow > 0
    assert disturbances.failed == 0
    assert outcome.lost == outcome.refused == 0
    assert sum(outcome.statuses.values()) == 20_000
    assert max(outcome.statuses) < 500
    assert after[0] < memory + 8 * 1024
    assert after[1] <= descriptors + 64


def test_killed_workers_lose_only_what_they_had(service: Service) -> None:
    """kill -9 each second: at most what was in flight fails, and new workers take over."""
    port, server = service
    kills, connections = int(os.environ.get("CHARGE_KILLS", "4")), 8

    def kill() -> None:
        for _ in range(kills):
            os.kill(truth.children(server.pid)[0], signal.SIGKILL)
            time.sleep(1)

    outcome = _during(kills * 1.5, port, connections, kill)

    assert outcome.lost <= kills * connections
    assert outcome.refused == 0
    assert set(outcome.statuses) == {200}
    assert outcome.statuses[200] > 500
    truth.until(lambda: len(truth.children(server.pid)) == 2)


def test_a_reload_under_load_loses_no_request(service: Service) -> None:
    """SIGHUP: new workers, and an answer to each request."""
    port, server = service
    before = set(truth.children(server.pid))

    outcome = _during(5, port, 8, lambda: server.send_signal(signal.SIGHUP))

    truth.until(lambda: not before & set(truth.children(server.pid)))
    assert (outcome.lost, outcome.refused) == (0, 0)
    assert set(outcome.statuses) == {200}


def test_a_stop_under_load_answers_what_was_accepted(service: Service) -> None:
    """SIGTERM: kept connections get their answers, then no new ones are taken."""
    port, server = service
    clients = [truth.Client(port) for _ in range(8)]
    lost: list[str] = []

    def ask(client: truth.Client) -> None:
        sent = [("Host", "a")]
        while True:
            try:
                answer = client.ask("GET", "/ChargeProcess/Status?user_id=1", sent)
            except (OSError, IndexError, ValueError) as error:
                lost.append(repr(error))
                return
            if answer.header("Connection") == "close":
                return

    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(1)
    server.terminate()
    for thread, client in zip(threads, clients, strict=True):
        thread.join()
        client.close()

    assert lost == []
    assert server.wait(20) == 0


def test_floods_of_resets_leave_both_workers_answering(service: Service) -> None:
    """A client opens 2,300 connections and resets them; then each worker answers alone."""
    port, server = service
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    truth.until(lambda: len(truth.children(server.pid)) == 2)
    workers = truth.children(server.pid)

    for _ in range(int(os.environ.get("CHARGE_FLOODS", "2"))):
        _flood(port, 2_300)

    for paused in workers:
        os.kill(paused, signal.SIGSTOP)
        try:
            client = truth.Client(port)
            answer = client.ask("GET", "/ChargeProcess/Status?user_id=1", [("Host", "a")])
            client.close()
        finally:
            os.kill(paused, signal.SIGCONT)
        assert answer.status == 200
    assert truth.children(server.pid) == workers


def _flood(port: int, connections: int) -> None:
    """Open connections without waiting for any, and reset them all."""
    opened = []
    for _ in range(connections):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        opened.append(client)
    time.sleep(0.3)
    for client in opened:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
