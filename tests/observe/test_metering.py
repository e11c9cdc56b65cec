"""/metrics, from real servers: the counts of all workers."""

import os
import re
import signal
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.host.application import WebApi
from tests import truth

HOST = ("Host", "a")


@contextmanager
def _served(env: dict[str, str], cwd: Path, port: int) -> Iterator[int]:
    command = [sys.executable, "-m", "app", "serve"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", "2"]
    with truth.running(command, port, env, cwd) as process:
        yield process.pid


def _ask(port: int, target: str) -> truth.Answer:
    client = truth.Client(port)
    try:
        return client.ask("GET", target, [HOST, ("Connection", "close")])
    finally:
        client.close()


def _count(page: bytes, name: str) -> float:
    return sum(float(n) for n in re.findall(rf"^{name}(?:{{.*}})? (.*)$", page.decode(), re.M))


def test_there_are_no_metrics_by_default(make_app: Callable[..., WebApi]) -> None:
    """The path is Web API's 404."""
    assert truth.call(make_app(), "/metrics").status == 404


def test_metrics_survive_their_workers(
    database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Each request counts once, by status and format, after its worker was killed too."""
    port, own = truth.free_port(), truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    env["CHARGECLOUD_METRICS"] = f"127.0.0.1:{own}"
    with _served(env, tmp_path, port) as pid:
        for number in range(40):
            assert _ask(port, f"/ChargeProcess/Status?user_id={number}").status == 200
        before = truth.children(pid)
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        truth.until(lambda: len(set(truth.children(pid)) - set(before)) == 2)
        for target in ("/ChargeProcess/Status?user_id=x", "/evil-label", "/METRICS", "/metrics"):
            assert _ask(port, target).status in (400, 404)
        page = _ask(own, "/metrics").body

        assert _ask(own, "/ChargeProcess/Status?user_id=1").status == 404
        assert _count(page, "chargecloud_requests_total") == 44
        assert _count(page, "chargecloud_request_seconds_count") == 44
        assert _count(page, "chargecloud_store_seconds_count") == 40
        labels = set(re.findall(r"chargecloud_requests_total{(.*)}", page.decode()))
        assert labels == {
            f'format="application/json",status="{status}"' for status in (200, 400, 404)
        }


def test_metrics_may_stand_beside_the_service_and_count_store_failures(
    broken_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """METRICS=on is a route of the service."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": broken_url, "CHARGECLOUD_METRICS": "on"}
    with _served(env, tmp_path, port):
        assert _ask(port, "/ChargeProcess/Status?user_id=1").status == 500

        assert _count(_ask(port, "/metrics").body, "chargecloud_store_failures_total") == 1


@pytest.mark.parametrize("server", ["gunicorn", "granian", "waitress"])
def test_metrics_have_an_address_of_their_own_under_every_server(
    server: str, database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """They are answered there, and no Host header opens them elsewhere."""
    port, own = truth.free_port(), truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    env["CHARGECLOUD_METRICS"] = f"127.0.0.1:{own}"
    command = [sys.executable, "-m", "app", "serve", "--server", server, "--workers", "1"]
    command += ["--bind", f"127.0.0.1:{port}"]
    with truth.running(command, port, env, tmp_path):
        truth.wait_for(own)
        assert _ask(port, "/ChargeProcess/Status?user_id=1").status == 200
        page = _page(own)
        client = truth.Client(port)
        elsewhere = client.ask("GET", "/metrics", [("Host", f"127.0.0.1:{own}")])
        client.close()

    assert _count(page, "chargecloud_requests_total") == 1
    assert elsewhere.status == 404


def _page(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        page: bytes = answer.read()
        return page


def test_no_host_header_opens_the_metrics_over_a_unix_socket(
    database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """gunicorn takes the server's name and port from it there."""
    port, own = truth.free_port(), truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    env["CHARGECLOUD_METRICS"] = f"127.0.0.1:{own}"
    path = tmp_path / "socket"
    command = [sys.executable, "-m", "gunicorn", "-c", "python:app.gunicorn_conf"]
    command += ["--workers", "1", "-b", f"unix:{path}", "-b", f"127.0.0.1:{port}", "wsgi:app"]
    with truth.running(command, port, env, tmp_path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(
            f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{own}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = client.makefile("rb").readline()

    assert answer.split()[1] == b"404"


@pytest.mark.parametrize(
    ("name", "port", "client", "status"),
    [
        ("127.0.0.1", "9100", "127.0.0.1", 200),
        ("127.0.0.1", "9101", "127.0.0.1", 404),
        ("192.0.2.1", "9100", "127.0.0.1", 404),
        ("127.0.0.1", "9100", "", 404),
    ],
)
def test_host_and_port_of_the_server_count(
    make_app: Callable[..., WebApi], name: str, port: str, client: str, status: int
) -> None:
    """Both are METRICS' own; a client without an address came over a unix socket."""
    app = make_app(metrics="localhost:9100")
    environ: dict[str, Any] = {"SERVER_NAME": name, "SERVER_PORT": port, "REMOTE_ADDR": client}

    assert truth.call(app, "/metrics", **environ).status == status
