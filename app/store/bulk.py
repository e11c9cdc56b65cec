"""Writes any number of rows in one transaction, as fast as the database takes them."""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from sqlalchemy import Table

from app.store.tables import replacing

Row = tuple[Any, ...]
Write = Callable[[Any, Table, Iterable[Row]], int]
"""Takes the driver's connection, in autocommit, a table, and rows; writes all of them or none."""
Read = Callable[[Any, str], Iterator[Row]]
"""Takes the driver's connection, in autocommit, and a query of any number of rows."""

# A merge of this many takes less time than reading as many.
_BATCH = 2_000
_LOG = logging.getLogger(__name__)
_CACHE = "PRAGMA cache_size = -32768"


def write_sqlite(connection: Any, table: Table, rows: Iterable[Row]) -> int:
    """Write rows into SQLite, each in place of the one with its key; returns how many."""
    values = ", ".join("?" * len(table.columns))
    cursor = connection.cursor()
    # The index grows at random places: they stay in memory.
    cursor.execute(_CACHE)
    # The contract has checked each row; to do so again would double the time.
    cursor.execute("PRAGMA ignore_check_constraints = ON")
    cursor.execute("BEGIN IMMEDIATE")
    try:
        cursor.executemany(replacing(table, f"VALUES ({values})"), rows)
        count: int = cursor.rowcount
        cursor.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            cursor.execute("ROLLBACK")
        raise
    # The write-ahead log has the size of all that was written. Readers may keep it.
    try:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        _LOG.warning("All is stored, but SQLite's write-ahead log can't be emptied: %s", error)
    return max(count, 0)


def write_postgresql(connection: Any, table: Table, rows: Iterable[Row]) -> int:
    """Write rows into PostgreSQL by COPY and a merge for each batch; returns how many."""
    (key,) = table.primary_key.columns.keys()
    names = ", ".join(table.columns.keys())
    # Of rows with the same key the last one counts.
    last = f"SELECT DISTINCT ON ({key}) {names} FROM taken ORDER BY {key}, place DESC"
    merge = replacing(table, last)
    count = 0
    left = iter(rows)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE taken (LIKE {table.name}, place serial) ON COMMIT DROP"
        )
        while batch := list(islice(left, _BATCH)):
            with cursor.copy(f"COPY taken ({names}) FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)
            cursor.execute(merge)
            cursor.execute("TRUNCATE taken")
            count += len(batch)
    return count


def read_sqlite(connection: Any, query: str) -> Iterator[Row]:
    """Yield a query's rows from SQLite."""
    cursor = connection.cursor()
    cursor.execute(_CACHE)
    yield from cursor.execute(query)


def read_postgresql(connection: Any, query: str) -> Iterator[Row]:
    """Yield a query's rows from PostgreSQL, which keeps those that were not asked for yet."""
    with connection.transaction(), connection.cursor("all") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(query)
        yield from cursor


WRITERS: Final[Mapping[str, Write]] = {"sqlite": write_sqlite, "postgresql": write_postgresql}
READERS: Final[Mapping[str, Read]] = {"sqlite": read_sqlite, "postgresql": read_postgresql}
"""By the database's name in SQLAlchemy."""
