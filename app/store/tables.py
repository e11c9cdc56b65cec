"""Tables drawn from the resources' contracts."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, Index, MetaData, Table

from app.store.clr_types import STORED
from schemas.clr import ClrField, Int32
from schemas.resource import Resource

Tables = Mapping[Resource, Table]


def tables(resources: Iterable[Resource], metadata: MetaData) -> Tables:
    """Declare each resource's table in ``metadata``."""
    return {resource: _table(resource, metadata) for resource in resources}


def _table(resource: Resource, metadata: MetaData) -> Table:
    """Declare ``charge_process`` for ChargeProcess: its query parameter, then the members."""
    name = resource.contract.words("_")
    asked_by, key = resource.asked_by, resource.key
    columns = {asked_by: Int32(nullable=False), **resource.contract.members()}
    return Table(
        name,
        metadata,
        *(_column(member, field, member == key) for member, field in columns.items()),
        *(check for column, field in columns.items() for check in _checks(name, column, field)),
        Index(f"ix_{name}_{asked_by.removesuffix('_id')}", asked_by, key),
    )


def _column(name: str, field: ClrField[Any], is_key: bool) -> Column[Any]:
    return Column(
        name,
        STORED[type(field)].column(),
        primary_key=is_key,
        autoincrement=False,
        nullable=field.allow_none,
    )


def _checks(table: str, column: str, field: ClrField[Any]) -> Iterator[CheckConstraint]:
    for dialect in STORED[type(field)].checks:
        sql = check(type(field), column, dialect)
        made = CheckConstraint(sql, name=f"ck_{table}_{column}", info={"dialect": dialect})
        yield made.ddl_if(dialect=dialect)


def check(kind: type[ClrField[Any]], column: str, dialect: str) -> str:
    """Return what a column of a CLR type must fulfil, as a text for SQLAlchemy."""
    return STORED[kind].checks[dialect].replace("@", column).replace(":", "\\:")


def replacing(table: Table, source: str) -> str:
    """Return the statement that puts rows into a table, each in place of the one with its key.

    Args:
        table: the table.
        source: ``VALUES (...)`` or a SELECT, with a value for each column in the table's order.
    """
    (key,) = table.primary_key.columns.keys()
    names = table.columns.keys()
    changes = ", ".join(f"{name} = excluded.{name}" for name in names)
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) {source}"
        f" ON CONFLICT ({key}) DO UPDATE SET {changes}"
    )


PARAMETERS: Final = {"named": ":{0}", "pyformat": "%({0})s", "numeric": "${1}", "qmark": "?"}
"""How a driver names parameters -> the mark of a column with a name and a number."""


def upsert(table: Table, database: str, parameters: str) -> str:
    """Return the statement with which another program writes one row.

    Args:
        table: the table.
        database: ``sqlite`` or ``postgresql``.
        parameters: one of ``PARAMETERS``.
    """
    names = table.columns.keys()
    marks = {name: PARAMETERS[parameters].format(name, at) for at, name in enumerate(names, 1)}
    if database == "sqlite":
        # SQLite itself would make up a key in place of NULL.
        (key,) = table.primary_key.columns.keys()
        marks[key] = f"ifnull({marks[key]}, 'NULL')"
    return replacing(table, f"VALUES ({', '.join(marks.values())})")
