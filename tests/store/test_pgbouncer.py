"""The store behind Debian's PgBouncer, in both of its modes that matter."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from app.errors import StoreError
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store
from tests import packages, truth

_SERVERS = 2
_CONFIGURATION = """\
[databases]
charges = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {servers}
"""


@contextmanager
def _pgbouncer(url: str, mode: str) -> Iterator[str]:
    """Run PgBouncer before a database; gives the URL through it."""
    host = parse_qs(urlsplit(url).query)["host"][0]
    port = truth.free_port()
    text = _CONFIGURATION.format(host=host, port=port, mode=mode, servers=_SERVERS)
    # It refuses to run as root; the server's user may enter the folder of the server's socket.
    user = Path(host).owner()
    with tempfile.TemporaryDirectory(prefix="pgb") as folder:
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(text)
        if os.getuid() == 0:
            shutil.chown(folder, user)
        as_user = ["-u", user] if os.getuid() == 0 else []
        command = [packages.program("pgbouncer"), *as_user, str(file)]
        with truth.running(command, port, dict(os.environ)):
            yield f"postgresql://postgres@127.0.0.1:{port}/charges"


def _ask_together(store: Store, threads: int, times: int) -> list[str]:
    """Ask in several threads; returns the errors."""
    errors: list[str] = []
    ready = threading.Barrier(threads)

    def ask() -> None:
        ready.wait()
        for number in range(times):
            try:
                assert store.latest(CHARGE_PROCESS, number % 2 + 1) is not None
            except StoreError as error:
                errors.append(str(error))
        store.close()

    running = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return errors


@pytest.mark.parametrize(
    ("mode", "option", "threads"),
    [("session", "", _SERVERS), ("transaction", "?prepare_threshold=none", 3 * _SERVERS)],
)
def test_the_store_works_behind_it(postgres_url: str, mode: str, option: str, threads: int) -> None:
    """Threads query, processes come and go; in transaction mode more threads than connections."""
    with _pgbouncer(postgres_url, mode) as url:
        store = Store(url + option, RESOURCES)

        assert store.replace(CHARGE_PROCESS, demo.processes()) == len(demo.processes())
        assert _ask_together(store, threads, 200) == []
        assert sorted(store.all(CHARGE_PROCESS)) == sorted(demo.processes())


def test_prepared_statements_get_lost_in_transaction_mode(postgres_url: str) -> None:
    """Which is why the option is needed there."""
    with _pgbouncer(postgres_url, "transaction") as url:
        store = Store(url, RESOURCES)
        store.replace(CHARGE_PROCESS, demo.processes())

        errors = _ask_together(store, 3 * _SERVERS, 200)

    assert any("prepared statement" in error for error in errors)
