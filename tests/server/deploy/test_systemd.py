"""The unit for systemd, checked by systemd's own tools and beside a real server."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import Result

from app.config import Settings
from app.host.application import WebApi
from app.server.deploy.resources import resources
from app.server.deploy.systemd import Unit
from app.server.limits import CONNECTIONS, THREADS
from app.server.servers import SERVERS
from tests import packages, truth

_SETTINGS = Settings()


def _unit(**changed: Any) -> Unit:
    given: dict[str, Any] = {
        "command": "/opt/chargecloud/bin/chargecloud",
        "interpreter": None,
        "threads": None,
    }
    given |= {"bind": "127.0.0.1:8000", "server": "gunicorn", "workers": 2, "local": True}
    return Unit(**{**given, **changed})


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [packages.program("systemd-analyze"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("server", SERVERS)
def test_the_unit_is_valid(tmp_path: Path, server: str) -> None:
    """systemd-analyze verify finds nothing to say."""
    path = tmp_path / "chargecloud.service"
    path.write_text(_unit(command=sys.executable, server=server).text(_SETTINGS))

    done = _analyze("verify", str(path))

    assert (done.returncode, done.stdout) == (0, "")
    assert "chargecloud" not in done.stderr


def test_the_unit_is_hardened(tmp_path: Path) -> None:
    """systemd-analyze security calls its exposure OK: below 2 of 10."""
    path = tmp_path / "chargecloud.service"
    path.write_text(_unit(command=sys.executable).text(_SETTINGS))

    done = _analyze("security", "--offline=true", str(path))

    found = re.search(r"Overall exposure level for chargecloud.service: ([0-9.]+)", done.stdout)
    assert found
    assert float(found[1]) < 2


def test_a_service_with_a_store_elsewhere_may_reach_it() -> None:
    """--no-local leaves the network open."""
    assert "IPAddressDeny" in _unit().text(_SETTINGS)
    assert "IPAddressDeny" not in _unit(local=False).text(_SETTINGS)


def test_the_unit_serves_with_what_its_limits_are_for() -> None:
    """The workers are written down, since another machine may have other cores."""
    text = _unit(server="granian", workers=8, threads=16, bind="[::1]:9000").text(_SETTINGS)

    assert "serve --bind [::1]:9000 --workers 8 --server granian --threads 16\n" in text
    limits = resources("granian", 8, 16)
    assert f"TasksMax={limits.tasks}\n" in text
    assert f"MemoryMax={limits.megabytes}M\n" in text
    assert f"LimitNOFILE={limits.descriptors}\n" in text


def test_only_gunicorn_tells_systemd_that_it_is_ready() -> None:
    """The others would be killed at the end of the time to start."""
    assert "Type=notify\n" in _unit().text(_SETTINGS)
    assert "Type=exec\n" in _unit(server="waitress", workers=1).text(_SETTINGS)


@pytest.mark.parametrize(("server", "workers"), [("gunicorn", 2), ("granian", 2), ("waitress", 1)])
def test_a_busy_server_stays_within_its_limits(
    server: str, workers: int, database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """With 300 connections that hold most of a head each, while gunicorn reloads."""
    limits = resources(server, workers, None)
    port = truth.free_port()
    command = [sys.executable, "-m", "app", "serve", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(workers), "--server", server]
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 16_000
    with ExitStack() as stack:
        served = stack.enter_context(truth.running(command, port, env, tmp_path))
        for _ in range(300):
            opened = socket.create_connection(("127.0.0.1", port), timeout=30)
            stack.enter_context(opened).sendall(head)
        if server == "gunicorn":
            served.send_signal(signal.SIGHUP)
        seen = [_used(psutil.Process(served.pid)) for _ in range(20)]

    assert max(tasks for tasks, _, _ in seen) < limits.tasks
    assert max(megabytes for _, megabytes, _ in seen) < limits.megabytes
    assert max(descriptors for _, _, descriptors in seen) < limits.descriptors


def _used(main: psutil.Process) -> tuple[int, float, int]:
    """Return tasks and megabytes of all processes, and the most descriptors of one."""
    found = []
    for process in [main, *main.children(recursive=True)]:
        try:
            used = process.num_threads(), process.memory_info().rss / 2**20, process.num_fds()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            # It has just ended, which hides its descriptors from an ordinary user first.
            continue
        found.append(used)
    tasks, megabytes, descriptors = zip(*found, strict=True)
    return sum(tasks), sum(megabytes), max(descriptors)


@pytest.mark.parametrize("server", SERVERS)
def test_limits_grow_with_what_they_are_for(server: str) -> None:
    """More workers and threads, more of each; all connections have a descriptor."""
    small, large = resources(server, 1, 4), resources(server, 4, 64)

    assert all(a < b for a, b in zip(small, large, strict=True))
    assert resources(server, 1, None).descriptors > CONNECTIONS[server] + THREADS[server]


@pytest.mark.parametrize(
    ("unit", "settings", "said"),
    [
        ({"command": "/home/a/.venv/bin/chargecloud"}, {}, "hides /home/a/.venv/bin/chargecloud "),
        ({"interpreter": "/root/.pyenv/bin/python"}, {}, "hides /root/.pyenv/bin/python "),
        ({}, {"api_keys_file": "/home/a/keys"}, "hides /home/a/keys "),
        ({}, {"status_query": "/root/status.sql"}, "hides /root/status.sql "),
        ({}, {"database_url": "sqlite:////home/a/x.sqlite"}, "hides /home/a/x.sqlite "),
        ({}, {"database_url": "postgresql://db.example/a"}, "keeps it from db.example;"),
        ({}, {"jwt_jwks": "https://login.example/keys"}, "keeps it from login.example;"),
        ({"local": False}, {"database_url": "postgresql://db.example/a"}, None),
        ({}, {"database_url": "postgresql://localhost/a"}, None),
        ({"command": "/homework/chargecloud"}, {}, None),
    ],
)
def test_the_unit_warns_of_what_it_would_hide(
    unit: dict[str, Any], settings: dict[str, Any], said: str | None
) -> None:
    """A checkout, a file or a machine that the service needs."""
    made, given = _unit(**unit), Settings(**settings)

    assert [said in text for text in made.warnings(given) if said] == ([True] if said else [])
    assert (said or "") in made.text(given)
    assert ("# Warning: " in made.text(given)) == bool(said)


def test_a_link_into_a_home_is_found(tmp_path: Path) -> None:
    """A virtual environment's Python often is one."""
    link = tmp_path / "python"
    link.symlink_to("/root/.pyenv/bin/python")

    (warning,) = _unit(interpreter=str(link)).warnings(_SETTINGS)

    assert "hides /root/.pyenv/bin/python " in warning


@pytest.fixture
def run(make_app: Callable[..., WebApi]) -> Callable[..., Result]:
    """Run `deploy systemd` with options."""
    runner = make_app().test_cli_runner()
    return lambda *options: runner.invoke(args=["deploy", "systemd", *options])


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--bind", "8000", "must be HOST:PORT with a port from 1024 to 65535, not '8000'"),
        ("--bind", "127.0.0.1:80", "must be HOST:PORT with a port from 1024 to 65535"),
        ("--bind", "a b:8000", "must be HOST:PORT with a port from 1024 to 65535"),
        ("--command", "chargecloud", "must be an absolute path of letters, digits"),
        ("--command", "/a/%n", "must be an absolute path of letters, digits"),
        ("--workers", "0", "0 is not in the range x>=1"),
        ("--server", "apache", "'apache' is not one of 'gunicorn', 'granian', 'waitress'"),
    ],
)
def test_an_option_is_checked_as_serve_would(
    run: Callable[..., Result], option: str, value: str, said: str
) -> None:
    """One line names it and says what is allowed."""
    done = run(option, value)

    assert (done.exit_code, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


def test_waitress_has_one_process(run: Callable[..., Result]) -> None:
    """As `serve` says."""
    done = run("--server", "waitress", "--workers", "2")

    assert done.exit_code == 2
    assert "--server waitress is one process: it takes --workers 1 only" in done.stderr


def test_warnings_are_for_the_terminal_too(run: Callable[..., Result]) -> None:
    """The unit may go into a file unread."""
    done = run("--command", "/home/a/bin/chargecloud")

    assert done.exit_code == 0
    assert done.stderr.startswith("chargecloud: ProtectHome=yes hides /home/a/bin/chargecloud ")
    assert "# Warning: ProtectHome=yes hides /home/a/bin/chargecloud " in done.stdout


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("postgresql://reader@db.example/charges", "db.example"),
        ("postgresql://reader@/charges?host=localhost:5432&host=replica:5432", "replica"),
        ("postgresql://reader@/charges?host=/run/postgresql", None),
        ("postgresql://reader@localhost/charges", None),
    ],
)
def test_a_store_on_another_machine_is_warned_of(url: str, host: str | None) -> None:
    """Also one of several hosts; the folder of a socket is none."""
    found = _unit().warnings(Settings(database_url=url))

    assert found == (
        [f"IPAddressDeny=any keeps it from {host}; print it with --no-local"] if host else []
    )


def test_a_secrets_file_in_a_home_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service could not read it."""
    monkeypatch.setenv("CHARGECLOUD_DATABASE_URL_FILE", "/root/url")

    (found,) = _unit().warnings(_SETTINGS)

    assert found == "ProtectHome=yes hides /root/url from the service; put it elsewhere"
