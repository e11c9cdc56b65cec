"""The store: reads the newest value of each resource, writes and gives all of them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from sqlalchemy import Connection, MetaData, Select, Table, bindparam, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.config import masked_url
from app.errors import StoreError
from app.store import schema, sqlite_file
from app.store.breaker import OpenError
from app.store.bulk import READERS, WRITERS
from app.store.connections import Connections, Result
from app.store.deadline import SilenceError, within
from app.store.statement import Statement
from app.store.tables import Tables, tables
from schemas.resource import Resource

Stored = tuple[Any, ...]
"""The query parameter of a value, then its members in declared order."""

# SQLite's own 2 MB for each thread would be a tenth of a worker's memory and save no time, for the
# pages of one user are seldom read twice.
_CACHE = "PRAGMA cache_size = -128"
# The rest of a request's time is for its answer.
_DEADLINE_PART: Final = 0.9


class SchemaError(StoreError):
    """The schema is another one than this code knows; the message names the command to run."""


class Store:
    """Values of resources in the database at a URL. Connects at the first use, in each thread.

    Args:
        url: a SQLAlchemy URL; a SQLite file is created where it is missing at the first use.
        resources: what is stored, each in a table of its own.
        timeout: seconds after which a read ends, one way or another.
        with_folder: create the file's folder too.
    """

    _MODE = "rw"

    def __init__(
        self,
        url: str,
        resources: Iterable[Resource],
        timeout: float = 5.0,
        with_folder: bool = False,
    ) -> None:
        self.metadata = MetaData()
        self.tables: Tables = tables(resources, self.metadata)
        self.url = make_url(url)
        self._timeout = timeout
        self._with_folder = with_folder
        seconds = timeout * _DEADLINE_PART
        self._connections = Connections(self.url, seconds, self._set_up, self._MODE)
        self._file = self._connections.file
        self._database = self.url.get_backend_name()
        self._statements = {
            resource: self._compile(_latest(table, resource))
            for resource, table in self.tables.items()
        }
        self._prepared = False

    @property
    def holds_nul(self) -> bool:
        """Whether it holds text with U+0000."""
        return self._file is not None

    @property
    def database(self) -> str:
        """Which database holds its tables: ``sqlite`` or ``postgresql``."""
        return self._database

    def __str__(self) -> str:
        return masked_url(self.url)

    def latest(self, resource: Resource, asked: int) -> Stored | None:
        """Return the members of the value with the highest key, ``None`` without one.

        One prepared statement on a connection kept for each thread. Raises StoreError.
        """
        statement = self._statements[resource]
        return self._query(statement.sql, statement.parameters(asked), _first)

    def explain(self, resource: Resource) -> list[str]:
        """Return the database's plan for a resource's query. Raises StoreError."""
        explain = "EXPLAIN QUERY PLAN " if self._file else "EXPLAIN "
        statement = self._statements[resource]
        rows = self._query(explain + statement.sql, statement.parameters(0), _every)
        return [str(row[-1]) for row in rows]

    def check(self) -> None:
        """Look whether the schema is the one that this code knows.

        Raises SchemaError where it is another, StoreError where the database can't be reached.
        """
        self.prepare()

    def prepare(self) -> None:
        """Create the tables, and the file of an embedded store, where they are missing."""
        with self._failing("opened"), within(self._timeout):
            self._create_file()
            with self._connections.whole() as connection:
                self._prepare(connection)

    def administer(self, run: Callable[[Connection], Result], create: bool = False) -> Result:
        """Run something in a transaction, whatever the schema is; returns what it returns.

        A missing file of SQLite is an error, unless it is to be created. Raises StoreError.
        """
        with self._failing("changed" if create else "read"):
            if create:
                self._create_file()
            with self._connections.engine.connect() as connection:
                # The driver's own transactions: SQLite's would not hold changes of the schema.
                connection.exec_driver_sql(schema.BEGIN[self._database] if create else "BEGIN")
                result = run(connection)
                connection.exec_driver_sql("COMMIT")
        return result

    def replace(self, resource: Resource, stored: Iterable[Stored]) -> int:
        """Write values, each in place of the one with its key; all of them or none.

        Returns how many were written. Raises StoreError, and lets pass what ``stored`` raises.
        """
        self.prepare()
        with self._failing("written"), self._connections.whole() as connection:
            return WRITERS[self._database](connection, self.tables[resource], stored)

    def all(self, resource: Resource) -> Iterator[Stored]:
        """Yield all values by what they are asked by and their keys.

        Creates nothing. Raises StoreError.
        """
        table = self.tables[resource]
        ordered = select(table).order_by(table.c[resource.asked_by], table.c[resource.key])
        with self._failing("read"), self._connections.whole() as connection:
            if not self._is_current(connection):
                self._refuse_schema()
            yield from READERS[self._database](connection, self._compile(ordered).sql)

    def count(self, resource: Resource) -> int:
        """Return how many values are stored. Creates nothing. Raises StoreError."""
        query = select(func.count()).select_from(self.tables[resource])
        with self._failing("read"), self._connections.engine.connect() as connection:
            return connection.scalar(query) or 0

    def close(self) -> None:
        """Close this thread's connection."""
        self._connections.close()

    def _query(self, sql: str, parameters: Any, read: Callable[[Any], Result]) -> Result:
        try:
            if not self._prepared:
                self._create_file()
            return self._connections.query(sql, parameters, read)
        except StoreError:
            raise
        except Exception as error:
            raise self._failed("read", error) from error

    def _set_up(self, connection: Any) -> None:
        """Set up a new connection that a thread keeps."""
        if not self._prepared:
            self._prepare(connection)
        if self._file:
            connection.execute(_CACHE)

    def _prepare(self, connection: Any) -> None:
        if self._file:
            connection.execute("PRAGMA journal_mode = WAL")
        if not self._is_current(connection):
            with self._connections.engine.connect() as creating:
                schema.create(creating, self.metadata)
            self._refuse_schema()
        self._prepared = True

    def _is_current(self, connection: Any) -> bool:
        """Ask for the version by the driver: SQLAlchemy's inspection takes 3 MB of each worker."""
        # There may be no such table yet.
        with suppress(self._connections.dbapi.Error):
            found = connection.execute(schema.ASK).fetchone()
            for table in self.metadata.tables:
                connection.execute(f"SELECT 1 FROM {table} WHERE 1 = 0")
            return bool(found == (schema.REVISION,))
        return False

    def _refuse_schema(self) -> None:
        """Raise SchemaError unless the schema is this version's after all."""
        with self._connections.engine.connect() as connection:
            problem = schema.problem(connection, self.metadata)
        if problem is not None:
            raise SchemaError(f"{self}: {problem}")

    def _create_file(self) -> None:
        if self._file:
            sqlite_file.create(self._file, self._with_folder)

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        """Turn a database's errors into StoreError, which says what can't be done."""
        kinds = (SQLAlchemyError, self._connections.dbapi.Error, SilenceError, OpenError)
        try:
            yield
        except (*kinds, sqlite_file.FileError) as error:
            raise self._failed(what, error) from error

    def _compile(self, statement: Select[Any]) -> Statement:
        return Statement.compile(statement, self._connections.engine.dialect)

    def _failed(self, what: str, error: Exception) -> StoreError:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        return StoreError(f"{self} can't be {what}: {' '.join(str(cause).split())}")


def _first(cursor: Any) -> Stored | None:
    row: Stored | None = cursor.fetchone()
    return row


def _every(cursor: Any) -> list[Stored]:
    return list(cursor.fetchall())


def _latest(table: Table, resource: Resource) -> Select[Any]:
    """Return the one query of a request: the members of the value with the highest key."""
    columns = table.columns
    return (
        select(*(columns[name] for name in resource.contract.members()))
        .where(columns[resource.asked_by] == bindparam(resource.asked_by))
        .order_by(columns[resource.key].desc())
        .suffix_with("LIMIT 1")
    )
