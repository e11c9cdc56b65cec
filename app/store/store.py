"""The store: reads a user's newest process, takes and gives all of them."""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, Select, bindparam, create_engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from app.store.bulk import READERS, WRITERS
from app.store.masking import masked_url
from app.store.tables import CHARGE_PROCESS, METADATA

Stored = tuple[Any, ...]
"""A user's id, then the members of their process in declared order."""

# Four connections of a worker with SQLite's own 2 MB each would be a fifth of its memory.
_CACHE = "PRAGMA cache_size = -512"


class StoreError(Exception):
    """The store can't be read or written; the message is for the log and the command line."""


class Store:
    """Processes in the database at a URL. Connects when it is first used, in each thread.

    Args:
        url: a SQLAlchemy URL; a SQLite file is created when it is missing at the first use.
        timeout: seconds to wait for a lock or a connection.
    """

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self.url = make_url(url)
        self._file = sqlite_file(url)
        options: dict[str, Any] = {"timeout": timeout} if self._file else {}
        self._engine: Engine = create_engine(
            self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=options
        )
        self._latest, self._positional = self._compile(_latest())
        self._threads = threading.local()
        self._prepared = False

    def __str__(self) -> str:
        return masked_url(self.url)

    def latest(self, user_id: int) -> Stored | None:
        """Return the members of the user's process with the highest id, ``None`` without one.

        One prepared statement on a connection kept for each thread. Raises StoreError.
        """
        try:
            cursor = self._connection().cursor()
            cursor.execute(self._latest, (user_id,) if self._positional else {"user_id": user_id})
            row: Stored | None = cursor.fetchone()
        except Exception as error:
            self._disconnect()
            raise self._failed("read", error) from error
        return row

    def explain(self) -> list[str]:
        """Return the database's plan for the one query. Raises StoreError."""
        explain = "EXPLAIN QUERY PLAN " if self._file else "EXPLAIN "
        try:
            cursor = self._connection().cursor()
            cursor.execute(explain + self._latest, (0,) if self._positional else {"user_id": 0})
            return [str(row[-1]) for row in cursor.fetchall()]
        except Exception as error:
            self._disconnect()
            raise self._failed("read", error) from error

    def check(self) -> None:
        """Check before serving what can be: nothing of tables that are created when missing."""

    def prepare(self) -> None:
        """Create the table, and the file of an embedded store, where they are missing."""
        try:
            if self._file:
                Path(self._file).parent.mkdir(parents=True, exist_ok=True)
            with self._engine.connect() as connection:
                if self._file:
                    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                METADATA.create_all(connection)
        except (OSError, SQLAlchemyError) as error:
            raise self._failed("prepared", error) from error
        self._prepared = True

    def replace(self, stored: Iterable[Stored]) -> int:
        """Take processes, each in place of the one with its id; all of them or none.

        Returns how many were taken. Raises StoreError, and lets pass what ``stored`` raises.
        """
        self.prepare()
        with self._whole("written") as (connection, database):
            return WRITERS[database](connection, stored)

    def all(self) -> Iterator[Stored]:
        """Yield all processes by user and process id. Raises StoreError."""
        self.prepare()
        ordered = select(CHARGE_PROCESS).order_by(
            CHARGE_PROCESS.c.user_id, CHARGE_PROCESS.c.process_id
        )
        with self._whole("read") as (connection, database):
            yield from READERS[database](connection, self._compile(ordered)[0])

    def is_empty(self) -> bool:
        """Return whether nothing is stored. Raises StoreError."""
        self.prepare()
        try:
            with self._engine.connect() as connection:
                return not connection.scalar(select(func.count()).select_from(CHARGE_PROCESS))
        except SQLAlchemyError as error:
            raise self._failed("read", error) from error

    def close(self) -> None:
        """Close this thread's connection."""
        self._disconnect()

    def _connection(self) -> DBAPIConnection:
        kept = getattr(self._threads, "kept", None)
        # One stat a request (1 us) finds a file that was deleted, replaced or overwritten
        # beside an open connection, which SQLite itself goes on reading.
        if kept is not None and (self._file is None or kept[1] == _identity(self._file)):
            connection: DBAPIConnection = kept[0]
            return connection
        self._disconnect()
        if not self._prepared:
            self.prepare()
        identity = _identity(self._file) if self._file else None
        pooled = self._engine.raw_connection()
        pooled.detach()
        opened = pooled.dbapi_connection
        assert opened is not None
        self._opened(opened)
        self._threads.kept = (opened, identity)
        return opened

    def _opened(self, connection: DBAPIConnection) -> None:
        """Set up a new connection."""
        if self._file:
            connection.cursor().execute(_CACHE)

    @contextmanager
    def _whole(self, what: str) -> Iterator[tuple[Any, str]]:
        """Connect for all rows at once; gives the driver's connection and the database's name."""
        dialect = self._engine.dialect
        try:
            with closing(self._engine.raw_connection()) as pooled:
                yield pooled.dbapi_connection, dialect.name
        except (SQLAlchemyError, cast(Any, dialect.loaded_dbapi).Error) as error:
            raise self._failed(what, error) from error

    def _disconnect(self) -> None:
        kept = getattr(self._threads, "kept", None)
        self._threads.kept = None
        if kept is not None:
            with suppress(Exception):
                kept[0].close()

    def _compile(self, statement: Select[Any]) -> tuple[str, bool]:
        compiled = statement.compile(self._engine)
        return str(compiled), bool(getattr(compiled, "positional", False))

    def _failed(self, what: str, error: Exception) -> StoreError:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        return StoreError(f"{self} can't be {what}: {' '.join(str(cause).split())}")


def _latest() -> Select[Any]:
    """The one query: a user's process with the highest id."""
    members = [column for column in CHARGE_PROCESS.columns if column.name != "user_id"]
    return (
        select(*members)
        .where(CHARGE_PROCESS.c.user_id == bindparam("user_id"))
        .order_by(CHARGE_PROCESS.c.process_id.desc())
        .suffix_with("LIMIT 1")
    )


def sqlite_file(url: str) -> str | None:
    """Return the file of a SQLite URL, ``None`` for other databases."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return parsed.database


def _identity(file: str) -> tuple[int, int, int]:
    found = os.stat(file)
    return found.st_ino, found.st_size, found.st_mtime_ns
