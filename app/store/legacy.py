"""A legacy database as it is: read by its operator's query, never written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from sqlite3 import SQLITE_ERROR
from typing import Any, NoReturn

from marshmallow import ValidationError
from sqlalchemy import Connection

from app.errors import StoreError
from app.store.clr_types import STORED
from app.store.clr_values import Convert
from app.store.connections import Result
from app.store.status_query import StatusQuery
from app.store.store import Store, Stored
from schemas.clr import INT32_MIN
from schemas.resource import Resource

_ON_OPEN = {
    "sqlite": ("PRAGMA query_only = ON",),
    "postgresql": ("SET default_transaction_read_only = on", "SET datestyle = 'ISO'"),
}


class ColumnsError(StoreError):
    """The query's columns are not the contract's members, or the database refuses the query."""


class LegacyStore(Store):
    """Values from queries whose columns carry the members' names, in exactly their case.

    Args:
        url: a SQLAlchemy URL of SQLite, PostgreSQL or SQL Server.
        queries: resource -> its query, whose first row is the value.
        utc_as_z: write ``Z`` for the offset of UTC.
        timeout: as in Store.
    """

    _MODE = "ro"

    def __init__(
        self,
        url: str,
        queries: Mapping[Resource, StatusQuery],
        utc_as_z: bool = False,
        timeout: float = 5.0,
    ) -> None:
        super().__init__(url, queries, timeout)
        self._queries = queries
        dialect = self._connections.engine.dialect
        self._statements = {each: query.compile(dialect) for each, query in queries.items()}
        utc = "Z" if utc_as_z else "+00:00"
        self._converters = {each: _converters(each, utc) for each in queries}
        self._columns: dict[Resource, tuple[tuple[str, ...], list[int]]] = {}
        self._prepared = True

    @property
    def database(self) -> str:
        """Refuse: its tables are not the service's."""
        self._refuse()

    def __str__(self) -> str:
        return f"{super().__str__()} by {', '.join(map(str, self._queries.values()))}"

    def latest(self, resource: Resource, asked: int) -> Stored | None:
        """Return the query's first row as the members, ``None`` without one. Raises StoreError."""
        row = self._ask(resource, asked)
        return None if row is None else self._converted(resource, row)

    def check(self) -> None:
        """Compare each query's columns with its contract; queries an id that nobody has.

        Raises ColumnsError where the query must be changed, StoreError where the database can't
        be reached.
        """
        for resource in self._queries:
            self._ask(resource, INT32_MIN)

    def prepare(self) -> None:
        """Refuse: a legacy database has its tables."""
        self._refuse()

    def administer(self, run: Callable[[Connection], Result], create: bool = False) -> Result:
        """Refuse to change what isn't ours."""
        self._refuse()

    def replace(self, resource: Resource, stored: Iterable[Stored]) -> int:
        """Refuse to write."""
        self._refuse()

    def all(self, resource: Resource) -> Iterator[Stored]:
        """Refuse: a query finds one value."""
        self._refuse()

    def count(self, resource: Resource) -> int:
        """Refuse to look: nothing may be put in."""
        self._refuse()

    def _set_up(self, connection: Any) -> None:
        super()._set_up(connection)
        cursor = connection.cursor()
        for statement in _ON_OPEN.get(self._database, ()):
            cursor.execute(statement)
        cursor.close()
        if self._database == "postgresql":
            # psycopg's dates have six digits, years to 9999 and no infinity: its texts have all.
            text = import_module("psycopg.types.string").TextLoader
            for name in ("date", "timestamp", "timestamptz"):
                connection.adapters.register_loader(name, text)

    def _ask(self, resource: Resource, asked: int) -> Sequence[Any] | None:
        """Return the query's first row with checked columns."""
        statement = self._statements[resource]
        try:
            row, columns = self._connections.query(
                statement.sql, statement.parameters(asked), _row_and_columns
            )
        except Exception as error:
            failed = self._failed("read", error)
            raise ColumnsError(str(failed)) if self._objected(error) else failed from error
        if columns != self._columns.get(resource, ((), []))[0]:
            self._columns[resource] = columns, self._order(resource, columns)
        return row

    def _objected(self, error: Exception) -> bool:
        """Whether the database was reached and has something against the query."""
        dbapi = self._connections.dbapi
        kinds = (dbapi.ProgrammingError, dbapi.DataError, dbapi.InternalError)
        return isinstance(error, kinds) or getattr(error, "sqlite_errorcode", 0) == SQLITE_ERROR

    def _order(self, resource: Resource, columns: tuple[str, ...]) -> list[int]:
        """Return where each member is among the columns."""
        members = resource.contract.members().keys()
        found = {
            "lacks": [name for name in members if name not in columns],
            "has no member for": [name for name in columns if name not in members],
            "has twice": sorted({name for name in columns if columns.count(name) > 1}),
        }
        wrong = [f"{what} {', '.join(names)}" for what, names in found.items() if names]
        if wrong:
            raise ColumnsError(f"{self._named(resource)}: the query {'; '.join(wrong)}")
        return [columns.index(name) for name in members]

    def _converted(self, resource: Resource, row: Sequence[Any]) -> Stored:
        """Return a row's values as the members in declared order."""
        converters, (_, places) = self._converters[resource], self._columns[resource]
        try:
            return tuple(
                [convert(row[at]) for (_, convert), at in zip(converters, places, strict=True)]
            )
        except ValidationError:
            pass
        for (name, convert), at in zip(converters, places, strict=True):
            try:
                convert(row[at])
            except ValidationError as error:
                reason = f"{self._named(resource)}: column {name}: {error.messages[0]}"
                raise StoreError(" ".join(reason.split())) from None
        raise AssertionError("a row without an error")

    def _named(self, resource: Resource) -> str:
        return f"{super().__str__()} by {self._queries[resource]}"

    def _refuse(self) -> NoReturn:
        raise StoreError(f"{super().__str__()} is read by STATUS_QUERY and never written")


def _converters(resource: Resource, utc: str) -> list[tuple[str, Convert]]:
    """Return each member's name and how a driver's value becomes the member's."""
    return [
        (name, _nullable(convert) if field.allow_none else convert)
        for name, field in resource.contract.members().items()
        for convert in [STORED[type(field)].legacy(utc)]
    ]


def _nullable(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _row_and_columns(cursor: Any) -> tuple[Sequence[Any] | None, tuple[str, ...]]:
    return cursor.fetchone(), tuple(column[0] for column in cursor.description or ())
