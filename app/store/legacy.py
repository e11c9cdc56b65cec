"""A legacy database as it is: read by its operator's query, never written."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from sqlite3 import SQLITE_ERROR
from typing import Any, NoReturn, cast
from urllib.parse import quote

from marshmallow import ValidationError
from sqlalchemy import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection

from app.errors import StoreError
from app.store.clr_values import Convert, converters
from app.store.status_query import USER, StatusQuery
from app.store.store import Store, Stored, sqlite_file
from schemas.charge_process import ChargeProcess
from schemas.clr import INT32_MIN

_ON_OPEN = {
    "sqlite": ("PRAGMA query_only = ON",),
    "postgresql": ("SET default_transaction_read_only = on", "SET datestyle = 'ISO'"),
}


class ColumnsError(StoreError):
    """The query's columns are not the contract's members, or the database refuses the query."""


class LegacyStore(Store):
    """Statuses from a query whose columns carry the members' names, in exactly their case.

    Args:
        url: a SQLAlchemy URL of SQLite, PostgreSQL or SQL Server.
        query: its first row is a user's status.
        utc_as_z: write ``Z`` for the offset of UTC.
        timeout: as in Store.
    """

    def __init__(
        self, url: str, query: StatusQuery, utc_as_z: bool = False, timeout: float = 5.0
    ) -> None:
        super().__init__(_read_only(url), timeout)
        self.url = make_url(url)
        self._file = sqlite_file(url)
        self._query = query
        self._latest, self._times = query.compile(self._engine.dialect)
        self._take = _members(converters("Z" if utc_as_z else "+00:00"))
        self._checked: tuple[str, ...] = ()
        self._at: list[int] = []
        self._prepared = True

    def __str__(self) -> str:
        return f"{super().__str__()} by {self._query}"

    def latest(self, user_id: int) -> Stored | None:
        """Return the query's first row as the members, ``None`` without one. Raises StoreError."""
        row = self._ask(user_id)
        return None if row is None else self._converted(row)

    def check(self) -> None:
        """Compare the query's columns with the contract; asks for a user that nobody is.

        Raises ColumnsError where the query must be changed, StoreError where the database can't
        be reached.
        """
        self._ask(INT32_MIN)

    def prepare(self) -> None:
        """Refuse: a legacy database has its tables."""
        self._refuse()

    def administer(self, run: Callable[[Connection], None]) -> None:
        """Refuse to change what isn't ours."""
        self._refuse()

    def replace(self, stored: Iterable[Stored]) -> int:
        """Refuse to write."""
        self._refuse()

    def all(self) -> Iterator[Stored]:
        """Refuse: the query finds the status of one user."""
        self._refuse()

    def count(self) -> int:
        """Refuse to look: nothing may be put in."""
        self._refuse()

    def _opened(self, connection: DBAPIConnection) -> None:
        super()._opened(connection)
        cursor = connection.cursor()
        for statement in _ON_OPEN.get(self.url.get_backend_name(), ()):
            cursor.execute(statement)
        if self.url.get_backend_name() == "postgresql":
            # psycopg's dates have six digits, years to 9999 and no infinity: its texts have all.
            text = import_module("psycopg.types.string").TextLoader
            for name in ("date", "timestamp", "timestamptz"):
                cast(Any, connection).adapters.register_loader(name, text)

    def _ask(self, user_id: int) -> Sequence[Any] | None:
        """Return the query's first row with checked columns."""
        try:
            cursor = self._execute(self._latest, self._parameters(user_id))
            row: Sequence[Any] | None = cursor.fetchone()
            columns = tuple(column[0] for column in cursor.description or ())
            cursor.close()
        except Exception as error:
            self._disconnect()
            failed = self._failed("read", error)
            raise ColumnsError(str(failed)) if self._objected(error) else failed from error
        if columns != self._checked:
            self._at = self._order(columns)
            self._checked = columns
        return row

    def _parameters(self, user_id: int) -> Any:
        return (user_id,) * self._times or {USER: user_id}

    def _objected(self, error: Exception) -> bool:
        """Whether the database was reached and has something against the query."""
        dbapi: Any = self._engine.dialect.loaded_dbapi
        kinds = (dbapi.ProgrammingError, dbapi.DataError, dbapi.InternalError)
        return isinstance(error, kinds) or getattr(error, "sqlite_errorcode", 0) == SQLITE_ERROR

    def _order(self, columns: tuple[str, ...]) -> list[int]:
        """Return where each member is among the columns."""
        members = ChargeProcess.members().keys()
        found = {
            "lacks": [name for name in members if name not in columns],
            "has no member for": [name for name in columns if name not in members],
            "has twice": sorted({name for name in columns if columns.count(name) > 1}),
        }
        wrong = [f"{what} {', '.join(names)}" for what, names in found.items() if names]
        if wrong:
            raise ColumnsError(f"{self}: the query {'; '.join(wrong)}")
        return [columns.index(name) for name in members]

    def _converted(self, row: Sequence[Any]) -> Stored:
        """Return a row's values as the members in declared order."""
        try:
            return tuple(
                [take(row[at]) for (_, take), at in zip(self._take, self._at, strict=True)]
            )
        except ValidationError:
            pass
        for (name, take), at in zip(self._take, self._at, strict=True):
            try:
                take(row[at])
            except ValidationError as error:
                reason = f"{self}: column {name}: {error.messages[0]}"
                raise StoreError(" ".join(reason.split())) from None
        raise AssertionError("a row without an error")

    def _refuse(self) -> NoReturn:
        raise StoreError(f"{super().__str__()} is read by STATUS_QUERY and never written")


def _members(by_type: Mapping[str, Convert]) -> list[tuple[str, Convert]]:
    """Return each member's name and how it takes a driver's value."""
    return [
        (name, _nullable(by_type[field.clr_name]) if field.allow_none else by_type[field.clr_name])
        for name, field in ChargeProcess.members().items()
    ]


def _nullable(take: Convert) -> Convert:
    return lambda value: None if value is None else take(value)


def _read_only(url: str) -> str:
    """Let SQLite open its file for reading; the others are told when they are connected."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return url
    file = f"file:{quote(os.path.abspath(str(parsed.database)))}"
    opened = parsed.set(database=file).update_query_dict({"mode": "ro", "uri": "true"})
    return opened.render_as_string(hide_password=False)
