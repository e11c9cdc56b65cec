"""The commands that change and check the store's schema."""

from collections.abc import Iterator
from typing import Any

import click
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from flask.cli import with_appcontext
from sqlalchemy import Connection, MetaData, inspect

from app.errors import StoreError
from app.store import schema
from app.store.command_line import current_store, report, resource_named
from app.store.tables import PARAMETERS
from app.store.tables import upsert as upsert_of


@click.group("db")
def db() -> None:
    """Create, upgrade and check the store's tables.

    A legacy database has a schema of its own and is refused.
    """


@db.command("upgrade")
@with_appcontext
def upgrade() -> None:
    """Upgrade the schema to this version, in one transaction."""

    def run(connection: Connection) -> str:
        before = schema.revision(connection)
        config = Config(attributes={"connection": connection, "metadata": current_store().metadata})
        config.set_main_option("script_location", "app.store:migrations")
        command.upgrade(config, "head")
        current_store().metadata.create_all(connection)
        return f"{_named(before)}, now {schema.revision(connection)}"

    report(f"{current_store()}: {current_store().administer(run, create=True)}")


@db.command("current")
@with_appcontext
def current() -> None:
    """Print the version of the schema."""
    click.echo(_named(current_store().administer(schema.revision)))


@db.command("check")
@with_appcontext
def check() -> None:
    """Compare the tables with what this version needs.

    The exit code is 1 if they differ.
    """

    def run(connection: Connection) -> None:
        problem = schema.problem(connection, current_store().metadata)
        if problem is not None:
            raise StoreError(f"{current_store()}: {problem}")
        found = compare_metadata(MigrationContext.configure(connection), current_store().metadata)
        differing = [*map(_shown, found), *_missing_checks(connection, current_store().metadata)]
        if differing:
            raise StoreError(f"{current_store()}: its schema differs: {'; '.join(differing)}")

    current_store().administer(run)
    click.echo(f"{current_store()}: {schema.REVISION}, as this version needs")


@db.command("upsert")
@click.option(
    "--database",
    type=click.Choice(["postgresql", "sqlite"]),
    help="Whose SQL; DATABASE_URL's by default.",
)
@click.option(
    "--parameters",
    type=click.Choice(list(PARAMETERS)),
    default="named",
    show_default=True,
    help="How the writer's driver names parameters: :name, %(name)s, $1 or ?.",
)
@click.option("--contract", metavar="NAME", help="Whose table; the first contract's by default.")
@with_appcontext
def upsert(database: str | None, parameters: str, contract: str | None) -> None:
    """Print the statement with which another program writes a value.

    A value replaces the one with its key. The table refuses a value that can't be answered.
    """
    store = current_store()
    table = store.tables[resource_named(store.tables, contract)]
    click.echo(upsert_of(table, database or store.database, parameters))


def _missing_checks(connection: Connection, metadata: MetaData) -> Iterator[str]:
    """Yield the names of checks that are not there, which Alembic does not compare."""
    for table in metadata.sorted_tables:
        found = {each["name"] for each in inspect(connection).get_check_constraints(table.name)}
        for each in table.constraints:
            if each.info.get("dialect") == connection.dialect.name and each.name not in found:
                yield f"add_constraint {each.name}"


def _named(revision: str | None) -> str:
    return "no version" if revision is None else revision


def _shown(difference: Any) -> str:
    """Name what Alembic found: an operation, or a list of them for a column."""
    parts = difference[0] if isinstance(difference, list) else difference
    names = [getattr(part, "name", part) for part in parts if part is not None]
    return " ".join(str(name) for name in names if isinstance(name, str))
