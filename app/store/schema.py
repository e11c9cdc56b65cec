"""The schema's version: which one the store has, and which one this code needs.

By plain SQL, so that a worker needs no Alembic; ``app.store.db_commands`` changes it.
"""

from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select, text

REVISION: Final = "0002"
"""The newest file in ``migrations/versions``."""
VERSION: Final = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True)
)
"""As Alembic makes it."""
ASK: Final = f"SELECT version_num FROM {VERSION.name}"

BEGIN: Final = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "BEGIN; SELECT pg_advisory_xact_lock(7286139704)",
}
"""Begins a transaction that may change the schema, one at a time: SQLite gives no reader the lock
of a writer once another one has written."""


def revision(connection: Connection) -> str | None:
    """Return the version of the schema that is there, ``None`` if nothing says."""
    if not inspect(connection).has_table(VERSION.name):
        return None
    return connection.scalar(select(VERSION.c.version_num))


def create(connection: Connection, metadata: MetaData) -> None:
    """Create the tables that an empty database, or one of this version, lacks.

    Takes a connection in autocommit. Of several that do so at once, one does.
    """
    if not _lacks_tables(connection, metadata):
        return
    connection.exec_driver_sql(BEGIN[connection.dialect.name])
    try:
        if _lacks_tables(connection, metadata):
            metadata.create_all(connection)
            if revision(connection) is None:
                VERSION.create(connection)
                connection.execute(VERSION.insert().values(version_num=REVISION))
        connection.execute(text("COMMIT"))
    except BaseException:
        connection.execute(text("ROLLBACK"))
        raise


def problem(connection: Connection, metadata: MetaData) -> str | None:
    """Say why this code can't use the schema, ``None`` if it can."""
    if _lacks_tables(connection, metadata):
        missing = metadata.tables.keys() - {*inspect(connection).get_table_names()}
        return f"it has no table {', '.join(sorted(missing))} yet: run chargecloud db upgrade"
    found = revision(connection)
    if found == REVISION:
        return None
    if found is None or found < REVISION:
        name = "it has no version" if found is None else found
        return f"its schema is older ({name}) than {REVISION}: run chargecloud db upgrade"
    return f"its schema is newer ({found}) than {REVISION}: run a newer chargecloud"


def _lacks_tables(connection: Connection, metadata: MetaData) -> bool:
    """Whether tables are missing that may be created: not in a store of another version."""
    found = {*inspect(connection).get_table_names()}
    if found.isdisjoint({*metadata.tables, VERSION.name}):
        return True
    return revision(connection) == REVISION and not found >= metadata.tables.keys()
