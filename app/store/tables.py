"""Tables drawn from the resources' contracts."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Column, Index, Integer, MetaData, Table

from app.store.clr_types import STORED
from schemas.clr import ClrField
from schemas.resource import Resource

Tables = Mapping[Resource, Table]


def tables(resources: Iterable[Resource], metadata: MetaData) -> Tables:
    """Declare each resource's table in ``metadata``."""
    return {resource: _table(resource, metadata) for resource in resources}


def _table(resource: Resource, metadata: MetaData) -> Table:
    """Declare ``charge_process`` for ChargeProcess: what it is asked by, then the members."""
    name = resource.contract.words("_")
    asked_by, key = resource.asked_by, resource.key
    members = resource.contract.members()
    return Table(
        name,
        metadata,
        Column(asked_by, Integer, nullable=False),
        *(_column(member, field, member == key) for member, field in members.items()),
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
