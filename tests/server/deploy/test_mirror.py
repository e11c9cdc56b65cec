"""The parity kit behind a site that mirrors, in Debian's nginx."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.host.application import WebApi
from tests import truth
from tests.parity.services import serving
from tests.server.deploy import site

_STATUS = "/ChargeProcess/Status?user_id="
_CLIENTS = 4
_REQUESTS = 25


@pytest.fixture
def service(make_app: Callable[..., WebApi]) -> Iterator[str]:
    """The service behind nginx, which the kit compares with itself."""
    with serving(make_app(log_requests=False)) as url:
        yield url


class _Load(threading.Thread):
    """Sends requests over one connection through nginx, and notes each answer's time."""

    def __init__(self, port: int, first: int) -> None:
        super().__init__()
        self._port = port
        self._first = first
        self.statuses: list[int] = []
        self.seconds: list[float] = []
        self.start()

    def run(self) -> None:
        """Ask."""
        client = site.TlsClient(self._port)
        for user in range(self._first, self._first + _REQUESTS):
            started = time.perf_counter()
            answer = client.ask("GET", f"{_STATUS}{user}", [("Host", "legacy.example")])
            self.seconds.append(time.perf_counter() - started)
            self.statuses.append(answer.status)
        client.close()


def _load(port: int) -> list[float]:
    """Return all times of several clients, whose every request was answered."""
    clients = [_Load(port, 1000 + number * _REQUESTS) for number in range(_CLIENTS)]
    for client in clients:
        client.join()
        assert client.statuses == [200] * _REQUESTS
    return sorted(second for client in clients for second in client.seconds)


def test_what_clients_send_is_compared_and_they_notice_nothing(
    clean_env: dict[str, str], tmp_path: Path, service: str
) -> None:
    """While the kit runs, while it hangs, after it was killed: each request has its answer."""
    port, listens = truth.free_port(), truth.free_port()
    upstream = int(service.rpartition(":")[2])
    command = [sys.executable, "-m", "app", "compare", service, service]
    command += ["--listen", f"127.0.0.1:{listens}"]
    options = ["--mirror", f"127.0.0.1:{listens}", "--rate", "100000"]
    with site.nginx(tmp_path, clean_env, port, [upstream], *options):
        with truth.running(command, listens, clean_env, tmp_path) as kit:
            _load(port)
            page = truth.Client(listens)
            truth.until(
                lambda: (
                    b'answers_total{kind="same"} 100\n'
                    in page.ask("GET", "/metrics", [("Host", "a")]).body
                ),
                60,
            )
            page.close()
            kit.send_signal(signal.SIGSTOP)
            hanging = _load(port)
            kit.kill()
        gone = _load(port)

    # The copy is given up after 50 ms to connect, to send and to read.
    assert hanging[len(hanging) // 2] < 1
    assert gone[len(gone) // 2] < 1
