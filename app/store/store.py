"""The store: reads the newest value of each resource, takes and gives all of them."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    Select,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from app.config import masked_url
from app.errors import StoreError
from app.store import schema
from app.store.statement import Statement
from app.store.tables import Tables, tables
from app.store.transfer.bulk import READERS, WRITERS
from app.store.watch import Watch
from schemas.resource import Resource

Stored = tuple[Any, ...]
"""What a value is asked by, then its members in declared order."""

# SQLite's own 2 MB for each thread would be a tenth of a worker's memory and save no time, for the
# pages of one user are seldom read twice.
_CACHE = "PRAGMA cache_size = -128"
# A kept connection that was lost fails at once.
_PROMPT_SECONDS = 1.0
_TIMEOUTS: Final[dict[str, Callable[[float], dict[str, Any]]]] = {
    "sqlite": lambda seconds: {"timeout": seconds * 0.9},
    # psycopg waits two seconds at least.
    "postgresql": lambda seconds: {"connect_timeout": max(2, int(seconds) - 1)},
    "mssql": lambda seconds: {"login_timeout": int(seconds), "timeout": int(seconds)},
}


class SchemaError(StoreError):
    """The schema is another one than this code knows; the message names the command to run."""


class Store:
    """Values of resources in the database at a URL. Connects at the first use, in each thread.

    Args:
        url: a SQLAlchemy URL; a SQLite file is created when it is missing at the first use.
        resources: what is stored, each in a table of its own.
        timeout: seconds after which a read ends, one way or another.
    """

    def __init__(self, url: str, resources: Iterable[Resource], timeout: float = 5.0) -> None:
        self.metadata = MetaData()
        self.tables: Tables = tables(resources, self.metadata)
        self.url = make_url(url)
        self._file = sqlite_file(url)
        backend = self.url.get_backend_name()
        options = _TIMEOUTS[backend](timeout) if backend in _TIMEOUTS else {}
        if self.url.query.get("prepare_threshold") == "none":
            # psycopg's None, which a URL can't say: nothing is prepared in the server.
            options["prepare_threshold"] = None
        self._engine: Engine = create_engine(
            self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=options
        )
        self._timeout = timeout
        self._watch = None if self._file else self._watched()
        self._statements = {
            resource: self._compile(_latest(table, resource))
            for resource, table in self.tables.items()
        }
        self._threads = threading.local()
        self._prepared = False

    @property
    def holds_nul(self) -> bool:
        """Whether it holds text with U+0000."""
        return self._file is not None

    def __str__(self) -> str:
        return masked_url(self.url)

    def latest(self, resource: Resource, asked: int) -> Stored | None:
        """Return the members of the value with the highest key, ``None`` without one.

        One prepared statement on a connection kept for each thread. Raises StoreError.
        """
        try:
            cursor = self._execute(self._statements[resource], asked)
            row: Stored | None = cursor.fetchone()
        except StoreError:
            raise
        except Exception as error:
            self._disconnect()
            raise self._failed("read", error) from error
        return row

    def explain(self, resource: Resource) -> list[str]:
        """Return the database's plan for a resource's query. Raises StoreError."""
        explain = "EXPLAIN QUERY PLAN " if self._file else "EXPLAIN "
        try:
            cursor = self._connection().cursor()
            statement = self._statements[resource]
            cursor.execute(explain + statement.sql, statement.parameters(0))
            return [str(row[-1]) for row in cursor.fetchall()]
        except StoreError:
            raise
        except Exception as error:
            self._disconnect()
            raise self._failed("read", error) from error

    def check(self) -> None:
        """Look whether the schema is the one that this code knows.

        Raises SchemaError where it is another, StoreError where the database can't be reached.
        """
        self.prepare()

    def prepare(self) -> None:
        """Create the tables, and the file of an embedded store, where they are missing."""
        try:
            if self._file:
                Path(self._file).parent.mkdir(parents=True, exist_ok=True)
            problem = None if self._is_current() else self._create()
        except (OSError, SQLAlchemyError) as error:
            raise self._failed("opened", error) from error
        if problem is not None:
            raise SchemaError(f"{self}: {problem}")
        self._prepared = True

    def _is_current(self) -> bool:
        """Ask for the version by the driver: SQLAlchemy's inspection takes 3 MB of each worker."""
        with self._whole("opened") as (connection, _):
            cursor = connection.cursor()
            if self._file:
                cursor.execute("PRAGMA journal_mode = WAL")
            # There may be no such table yet.
            with suppress(cast(Any, self._engine.dialect.loaded_dbapi).Error):
                cursor.execute(schema.ASK)
                found = cursor.fetchone()
                for table in self.metadata.tables:
                    cursor.execute(f"SELECT 1 FROM {table} WHERE 1 = 0")
                return bool(found == (schema.REVISION,))
        return False

    def _create(self) -> str | None:
        with self._engine.connect() as connection:
            schema.create(connection, self.metadata)
            return schema.problem(connection)

    def administer(self, run: Callable[[Connection], None]) -> None:
        """Hand over a connection in a transaction, whatever the schema is. Raises StoreError."""
        try:
            with self._engine.connect() as connection:
                # The driver's own transactions: SQLite's would not hold changes of the schema.
                connection.exec_driver_sql("BEGIN")
                run(connection)
                connection.exec_driver_sql("COMMIT")
        except SQLAlchemyError as error:
            raise self._failed("changed", error) from error

    def replace(self, resource: Resource, stored: Iterable[Stored]) -> int:
        """Take values, each in place of the one with its key; all of them or none.

        Returns how many were taken. Raises StoreError, and lets pass what ``stored`` raises.
        """
        self.prepare()
        with self._whole("written") as (connection, database):
            return WRITERS[database](connection, self.tables[resource], stored)

    def all(self, resource: Resource) -> Iterator[Stored]:
        """Yield all values by what they are asked by and their keys. Raises StoreError."""
        self.prepare()
        table = self.tables[resource]
        ordered = select(table).order_by(table.c[resource.asked_by], table.c[resource.key])
        with self._whole("read") as (connection, database):
            yield from READERS[database](connection, self._compile(ordered).sql)

    def count(self, resource: Resource) -> int:
        """Return how many values are stored. Raises StoreError."""
        self.prepare()
        try:
            with self._engine.connect() as connection:
                table = self.tables[resource]
                found = connection.scalar(select(func.count()).select_from(table))
                return found or 0
        except SQLAlchemyError as error:
            raise self._failed("read", error) from error

    def close(self) -> None:
        """Close this thread's connection."""
        self._disconnect()

    def _execute(self, statement: Statement, asked: int) -> Any:
        """Execute a statement on this thread's connection, and return its cursor."""
        if self._watch is None:
            cursor = self._connection().cursor()
            cursor.execute(statement.sql, statement.parameters(asked))
            return cursor
        kept = getattr(self._threads, "kept", None)
        started = time.monotonic()
        self._watch.begin(kept and kept[0])
        try:
            cursor = self._connection().cursor()
            cursor.execute(statement.sql, statement.parameters(asked))
            return cursor
        except self._lost:
            # A server that was restarted has closed the kept connection: asked on a new one.
            if kept is None or time.monotonic() - started > _PROMPT_SECONDS:
                raise
        finally:
            self._watch.end()
        self._disconnect()
        return self._execute(statement, asked)

    def _watched(self) -> Watch:
        """Watch the calls to a server, which may be connecting as well."""
        event.listen(
            self._engine, "connect", lambda opened, _: watch.connected(opened), insert=True
        )
        watch = Watch(self._timeout, self._ping)
        dbapi: Any = self._engine.dialect.loaded_dbapi
        self._lost = (dbapi.OperationalError, dbapi.InterfaceError)
        return watch

    def _ping(self) -> None:
        with closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("SELECT 1")

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
        elif self.url.get_backend_name() == "postgresql":
            # A call that was given up would else go on in the server, and wait for its locks.
            connection.cursor().execute(f"SET statement_timeout = {round(self._timeout * 1000)}")

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

    def _compile(self, statement: Select[Any]) -> Statement:
        return Statement.compile(statement, self._engine.dialect)

    def _failed(self, what: str, error: Exception) -> StoreError:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        return StoreError(f"{self} can't be {what}: {' '.join(str(cause).split())}")


def _latest(table: Table, resource: Resource) -> Select[Any]:
    """Return the one query of a request: the members of the value with the highest key."""
    columns = table.columns
    return (
        select(*(columns[name] for name in resource.contract.members()))
        .where(columns[resource.asked_by] == bindparam(resource.asked_by))
        .order_by(columns[resource.key].desc())
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
