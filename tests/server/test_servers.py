"""Servers start, say what to try, and stop."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests import truth

_CHARGECLOUD = [sys.executable, "-m", "app"]
_GUNICORN = [sys.executable, "-m", "gunicorn"]
_STATUS = "/ChargeProcess/Status?user_id="


def _ask(port: int, user_id: int) -> truth.Answer:
    client = truth.Client(port)
    headers = [("Host", "a"), ("Connection", "close")]
    return client.ask("GET", f"{_STATUS}{user_id}", headers)


@pytest.mark.parametrize(
    "command",
    [
        [*_CHARGECLOUD, "serve", "--bind", "127.0.0.1:{port}"],
        [*_CHARGECLOUD, "serve", "--server", "granian", "--bind", "127.0.0.1:{port}"],
        [*_CHARGECLOUD, "serve", "--server", "waitress", "--bind", "127.0.0.1:{port}"],
        [*_GUNICORN, "-b", "127.0.0.1:{port}", "wsgi:app"],
        [sys.executable, "-m", "flask", "--app", "wsgi", "run", "--port", "{port}"],
    ],
    ids=["serve", "granian", "waitress", "gunicorn", "flask"],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_server_answers_and_stops(
    command: list[str],
    number: signal.Signals,
    database_url: str,
    clean_env: dict[str, str],
    tmp_path: Path,
) -> None:
    """Each way to serve gives an answer, and ends at a signal without a traceback."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    with truth.running([part.format(port=port) for part in command], port, env, tmp_path) as server:
        answer = _ask(port, 1)
        # gunicorn's own sync worker would report a signal that comes while it still sends.
        time.sleep(0.3)
        server.send_signal(number)
        server.wait(20)
        output = server.output()

    assert answer.status == 200
    assert "Traceback" not in output


@pytest.mark.parametrize("name", ["gunicorn", "granian"])
def test_ctrl_c_in_a_terminal_ends_a_server_at_once(
    name: str, database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """It reaches the workers too, just before the main process stops them."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    command = [*_CHARGECLOUD, "serve", "--server", name, "--bind", f"127.0.0.1:{port}"]
    for _ in range(3):
        with truth.running(command, port, env, tmp_path) as server:
            assert _ask(port, 1).status == 200
            for pid in [*truth.children(server.pid), server.pid]:
                os.kill(pid, signal.SIGINT)
            code, output = server.wait(20), server.output()

        assert code == 0
        assert "Traceback" not in output


@pytest.mark.parametrize("name", ["gunicorn", "granian"])
def test_each_worker_has_a_core_of_its_own(
    name: str, database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Workers are spread over the cores, and one that takes a dead one's place takes its core.

    In the batch class, their threads do not interrupt each other.
    """
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    command = [*_CHARGECLOUD, "serve", "--server", name, "--bind", f"127.0.0.1:{port}"]
    with truth.running(command, port, env, tmp_path) as server:
        truth.until(lambda: _cores(server.pid).keys() == os.sched_getaffinity(0))
        first = _cores(server.pid)
        classes = {os.sched_getscheduler(worker) for worker in first.values()}
        lost = min(first)
        os.kill(first[lost], signal.SIGKILL)
        truth.until(lambda: _cores(server.pid).get(lost, first[lost]) != first[lost])
        again = _cores(server.pid)

    assert classes == {os.SCHED_BATCH}
    assert first.items() - again.items() == {(lost, first[lost])}
    assert first.keys() == again.keys()


def _cores(pid: int) -> dict[int, int]:
    """Return the core of each pinned worker, and the worker."""
    found = {}
    for worker in truth.children(pid):
        # It may end meanwhile.
        with suppress(ProcessLookupError):
            cores = os.sched_getaffinity(worker)
            if len(cores) == 1:
                found[min(cores)] = worker
    return found


@pytest.mark.parametrize("start", ["serve", "gunicorn", "gunicorn without our settings"])
def test_a_wrong_setting_stops_the_start(
    start: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """One line says why; nothing starts again and again."""
    commands = {
        "serve": [*_CHARGECLOUD, "serve", "--bind", "127.0.0.1:0"],
        "gunicorn": [*_GUNICORN, "-c", "python:app.gunicorn_conf", "-b", "127.0.0.1:0", "wsgi:app"],
        "gunicorn without our settings": [*_GUNICORN, "-b", "127.0.0.1:0", "wsgi:app"],
    }
    env = {**clean_env, "CHARGECLOUD_NO_PROCESS": "maybe"}

    done = subprocess.run(commands[start], env=env, cwd=tmp_path, capture_output=True, timeout=20)

    said = [line for line in done.stderr.decode().splitlines() if "chargecloud: " in line]
    assert said == ["chargecloud: CHARGECLOUD_NO_PROCESS must be null, 204 or 404, not 'maybe'"]
    assert b"Traceback" not in done.stderr
    assert done.returncode != 0


def test_the_demo_serves_four_examples(clean_env: dict[str, str], tmp_path: Path) -> None:
    """The sample, a charge in progress, a finished one, an unpaid one; four lines to try."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{tmp_path / 'demo.sqlite'}"}
    env["CHARGECLOUD_BASE_PATH"] = "/api"
    command = [*_CHARGECLOUD, "serve", "--demo", "--bind", f"127.0.0.1:{port}"]
    with truth.running(command, port, env, tmp_path) as server:
        client = truth.Client(port)
        bodies = [
            client.ask("GET", f"/api{_STATUS}{user}", [("Host", "a")]).body.decode()
            for user in range(1, 6)
        ]
        client.close()
        server.terminate()
        server.wait(20)
        lines = server.output().splitlines()

    hints = [line for line in lines if "gunicorn" not in line and "pid" not in line][:4]
    assert hints[0] == f"Open http://127.0.0.1:{port}/api/Help in a browser."
    assert hints[2:] == [
        f"  curl 'http://127.0.0.1:{port}/api{_STATUS}1'",
        f"  curl -H 'Accept: application/xml' 'http://127.0.0.1:{port}/api{_STATUS}2'",
    ]
    sample = next(item for item in truth.recordings() if item.id == 0)
    assert bodies[0].encode() == sample.answer.body
    shown = [re.findall(r'"(?:active|end_date|payment_complete)":(\w+|")', b) for b in bodies]
    assert shown[1:4] == [
        ["true", "false", "null"],
        ["false", "true", '"'],
        ["false", "false", '"'],
    ]
    assert bodies[4] == "null"


def test_the_demo_leaves_a_store_with_processes_alone(
    database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """A store that holds something is served as it is."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    command = [*_CHARGECLOUD, "serve", "--demo", "--bind", f"127.0.0.1:{port}"]
    with truth.running(command, port, env, tmp_path) as server:
        answer = _ask(port, 2)
        server.terminate()
        server.wait(20)
        output = server.output()

    assert answer.body == b"null"
    assert "holds processes already; the examples were not added" in output
    assert f"Open http://127.0.0.1:{port}/Help in a browser." in output
    assert "Users: 1" not in output


def test_no_title_or_line_has_a_secret(clean_env: dict[str, str], tmp_path: Path) -> None:
    """Neither what `ps` shows of the master and its workers, nor the log of a failing store."""
    secret = tmp_path / "url"
    secret.write_text("postgresql://reader:hunter2@127.0.0.1:9/charges", encoding="utf-8")
    port = truth.free_port()
    command = [*_CHARGECLOUD, "serve", "--bind", f"127.0.0.1:{port}"]
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL_FILE": str(secret)}
    with truth.running(command, port, env, tmp_path) as server:
        client = truth.Client(port)
        answer = client.ask("GET", f"{_STATUS}1", [("Host", "a")])
        client.close()
        master = psutil.Process(server.pid)
        titles = [process.cmdline() for process in (master, *master.children())]
        said = server.output()

    assert answer.status == 500
    assert len(titles) > 1
    assert "hunter2" not in str(titles)
    assert "reader:***@127.0.0.1:9" in said
    assert "hunter2" not in said
