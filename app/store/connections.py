"""The connections to a database: each thread keeps one, and waits on it up to a deadline."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from importlib import import_module
from typing import Any, Final, TypeVar
from weakref import finalize

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from app.store import sqlite_file
from app.store.breaker import Breaker
from app.store.deadline import SilenceError, remaining, within

Result = TypeVar("Result")
_FIRST_TRIAL_SECONDS = 0.5
# An answer that a slow statement was cancelled comes before the deadline: slow is not silent.
_STATEMENT_PART = 0.8
_LOOK_SECONDS: Final = 0.05
_INHERITED: Final[list[Any]] = []


class Kept:
    """A connection that is closed when its thread or the process ends."""

    def __init__(self, connection: Any, identity: sqlite_file.Identity | None) -> None:
        self.connection = connection
        self.identity = identity
        self.looked = time.monotonic()
        self.close = finalize(self, _close, connection, os.getpid())


class Connections:
    """Connections to a database, in autocommit.

    Args:
        url: a SQLAlchemy URL of SQLite, PostgreSQL or SQL Server.
        seconds: how long a query may take, with connecting.
        set_up: is given each new connection that a thread will keep.
        mode: ``ro`` opens a SQLite file for reading only, ``rw`` for writing too.
    """

    def __init__(self, url: URL, seconds: float, set_up: Callable[[Any], None], mode: str) -> None:
        self.file = sqlite_file.path_of(url)
        self._seconds = seconds
        self._set_up = set_up
        self.engine: Engine = create_engine(
            url, poolclass=NullPool, isolation_level="AUTOCOMMIT", creator=self._connect
        )
        dialect: Any = self.engine.dialect
        self.dbapi = dialect.loaded_dbapi
        self._arguments, options = dialect.create_connect_args(url)
        self._options = {**options, **_options(dialect.name, seconds)}
        if dialect.name == "mssql":
            # Otherwise FreeTDS tries seven versions of the protocol in turn, each for the whole
            # time. An older server answers with the version that it knows.
            self._options.setdefault("tds_version", "7.4")
        self._driver: Callable[..., Any] = dialect.connect
        if self.file:
            self._driver = sqlite_file.connector(mode)
        elif dialect.name == "postgresql":
            self._driver = import_module("app.store.postgresql").connect
        self._begin()

    def query(self, statement: str, parameters: Any, read: Callable[[Any], Result]) -> Result:
        """Execute a statement on this thread's connection; returns what is read of its cursor.

        Where the server has closed the connection meanwhile, a new one is opened once. Raises the
        driver's errors, OSError, SilenceError and OpenError.
        """
        if self._pid != os.getpid():
            self._begin()
        with self._deadline():
            kept = None
            try:
                kept = self._usable()
                return _run(kept or self._open(), statement, parameters, read)
            except Exception as error:
                lost = kept is not None and self._is_lost(error, kept.connection)
                self.close()
                if not lost:
                    raise
            return _run(self._open(), statement, parameters, read)

    @contextmanager
    def whole(self) -> Iterator[Any]:
        """Open a connection for this block alone, which may take any time."""
        with closing(self._connect()) as connection:
            yield connection

    def close(self) -> None:
        """Close this thread's connection."""
        kept = self._threads.__dict__.pop("kept", None)
        if kept is not None:
            kept.close()

    def _begin(self) -> None:
        """Begin without connections: a fork's child must not use those of its parent."""
        self._pid = os.getpid()
        self._threads = threading.local()
        self._breaker = None if self.file else self._make_breaker()

    def _make_breaker(self) -> Breaker:
        if self.engine.dialect.name == "postgresql":
            return Breaker(self._seconds, _FIRST_TRIAL_SECONDS)
        seconds = _whole_seconds(self._seconds)
        return Breaker(seconds, seconds)

    def _deadline(self) -> AbstractContextManager[None]:
        return nullcontext() if self._breaker is None else self._guarded(self._breaker)

    @contextmanager
    def _guarded(self, breaker: Breaker) -> Iterator[None]:
        with breaker.call() as seconds, within(seconds):
            if breaker.is_open:
                # A trial is made on a new connection, for a kept one may be dead by itself.
                self.close()
            try:
                yield
            except self.dbapi.Error as error:
                # A driver that has timeouts of its own.
                if remaining() <= 0:
                    raise SilenceError(str(error)) from error
                raise

    def _is_lost(self, error: Exception, connection: Any) -> bool:
        """Whether a new connection would not have this error."""
        # A column has another type than when psycopg prepared the statement.
        if getattr(error, "sqlstate", None) == "0A000":
            return True
        return self.engine.dialect.is_disconnect(error, connection, None)  # type: ignore[arg-type]

    def _usable(self) -> Kept | None:
        """Return this thread's connection, unless it has none or its file has changed."""
        kept: Kept | None = getattr(self._threads, "kept", None)
        if kept is None or not self.file:
            return kept
        # A file may be deleted, replaced or overwritten beside an open connection, which SQLite
        # itself goes on reading. A look at each request would cost a fifth of its query.
        now = time.monotonic()
        if now < kept.looked + _LOOK_SECONDS:
            return kept
        kept.looked = now
        found = sqlite_file.identity(self.file)
        if kept.identity == found or sqlite_file.is_checkpoint(self.file, kept.identity, found):
            kept.identity = found
            return kept
        self.close()
        return None

    def _open(self) -> Kept:
        """Open the connection that this thread keeps."""
        identity = sqlite_file.identity(self.file) if self.file else None
        kept = Kept(self._connect(), identity)
        try:
            if self.engine.dialect.name == "postgresql":
                milliseconds = round(self._seconds * _STATEMENT_PART * 1000)
                kept.connection.execute(f"SET statement_timeout = {milliseconds}")
            self._set_up(kept.connection)
        except BaseException:
            kept.close()
            raise
        self._threads.kept = kept
        return kept

    def _connect(self) -> Any:
        with within(self._seconds):
            return self._driver(*self._arguments, **self._options)


def _options(database: str, seconds: float) -> dict[str, Any]:
    """Return the driver's own options: autocommit, and its timeouts."""
    if database == "sqlite":
        # A finalizer may close it in another thread.
        return {"isolation_level": None, "timeout": seconds, "check_same_thread": False}
    if database == "mssql":
        whole = _whole_seconds(seconds)
        return {"autocommit": True, "login_timeout": whole, "timeout": whole}
    return {}


def _whole_seconds(seconds: float) -> int:
    return max(1, int(seconds))


def _run(kept: Kept, statement: str, parameters: Any, read: Callable[[Any], Result]) -> Result:
    cursor = kept.connection.cursor()
    try:
        cursor.execute(statement, parameters)
        return read(cursor)
    finally:
        cursor.close()


def _close(connection: Any, pid: int) -> None:
    if pid != os.getpid():
        # Closing it would end the parent's session; keep it from the garbage collector, which
        # would close it too.
        _INHERITED.append(connection)
        return
    with suppress(Exception):
        connection.close()
