"""Versions of the schema."""

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command as alembic
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import IntegrityError

from app.__main__ import main
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store import schema
from app.store.store import SchemaError, Store
from app.store.transfer import records
from tests.measure import benchmark, bulk

Run = Callable[..., "Done"]
_COMMAND = [sys.executable, "-m", "app"]
_LINE = records.writer(CHARGE_PROCESS)
_MIGRATIONS = Path(schema.__file__).parent / "migrations"


@dataclass(frozen=True)
class Done:
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    empty_url: str,
    tmp_path: Path,
) -> Run:
    """Run the command with an empty database of each kind."""
    monkeypatch.setenv("CHARGECLOUD_DATABASE_URL", empty_url)

    def command(*arguments: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main.main(arguments)
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return command


def _execute(url: str, *statements: str) -> None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_upgrade_makes_what_this_version_needs(run: Run) -> None:
    """From nothing, and again without a change."""
    first, again, current, check = (
        run("db", "upgrade"),
        run("db", "upgrade"),
        run("db", "current"),
        run("db", "check"),
    )

    assert first.stdout.endswith(": no version, now 0002\n"), first.stderr
    assert again.stdout.endswith(": 0002, now 0002\n")
    assert current.stdout == "0002\n"
    assert check.stdout.endswith(": 0002, as this version needs\n"), check.stderr


def test_what_is_created_on_demand_is_what_upgrade_makes(run: Run, empty_url: str) -> None:
    """A store that import made passes the check."""
    Store(empty_url, RESOURCES).replace(CHARGE_PROCESS, demo.processes())

    check = run("db", "check")

    assert check.stdout.endswith(": 0002, as this version needs\n"), check.stderr
    assert check.returncode == 0


def test_a_store_without_a_version_is_taken_over(run: Run, empty_url: str) -> None:
    """Its processes stay; until then it is older."""
    Store(empty_url, RESOURCES).replace(CHARGE_PROCESS, demo.processes())
    _execute(empty_url, "DROP TABLE alembic_version")

    before, upgrade, export = run("export"), run("db", "upgrade"), run("export")

    assert (
        "its schema is older (it has no version) than 0002: run chargecloud db upgrade"
        in before.stderr
    )
    assert upgrade.returncode == 0, upgrade.stderr
    assert export.stdout.count("\n") == len(demo.processes())


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0000", "older (0000) than 0002: run chargecloud db upgrade"),
        ("9999", "newer (9999) than 0002: run a newer"),
    ],
)
def test_serve_refuses_another_schema(run: Run, empty_url: str, version: str, said: str) -> None:
    """With the command to run, in one line."""
    Store(empty_url, RESOURCES).prepare()
    _execute(empty_url, f"UPDATE alembic_version SET version_num = '{version}'")

    done = run("serve", "--bind", "127.0.0.1:0")

    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.returncode == 1


def test_a_running_service_answers_500_for_another_schema(empty_url: str) -> None:
    """Each request looks again, so that an upgrade is seen without a restart."""
    Store(empty_url, RESOURCES).prepare()
    _execute(empty_url, "UPDATE alembic_version SET version_num = '9999'")
    store = Store(empty_url, RESOURCES)
    with pytest.raises(SchemaError, match="newer"):
        store.latest(CHARGE_PROCESS, 1)

    _execute(empty_url, "UPDATE alembic_version SET version_num = '0002'")

    assert store.latest(CHARGE_PROCESS, 1) is None
    store.close()


def test_check_names_what_differs(run: Run, empty_url: str) -> None:
    """Exit code 1."""
    Store(empty_url, RESOURCES).prepare()
    _execute(empty_url, "ALTER TABLE charge_process RENAME COLUMN price TO cost")

    done = run("db", "check")

    assert "its schema differs: add_column charge_process price" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("command", [("export",), ("db", "current"), ("db", "check")], ids=" ".join)
def test_commands_that_read_create_nothing(
    run: Run, empty_url: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A mistyped path of a SQLite file is named, and stays missing."""
    done = run(*command)

    if empty_url.startswith("sqlite"):
        assert done.stderr == f"chargecloud: {empty_url} can't be read: No such file or directory\n"
        assert not any((tmp_path / "empty").iterdir())


def test_an_empty_database_is_named(run: Run, empty_url: str, tmp_path: Path) -> None:
    """With the command that makes its tables; ``current`` has no version to print."""
    if empty_url.startswith("sqlite"):
        (tmp_path / "empty" / "store.sqlite").touch()

    current, check, export = run("db", "current"), run("db", "check"), run("export")

    assert current.stdout == "no version\n"
    for done in (check, export):
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.endswith(
            ": it has no table charge_process yet: run chargecloud db upgrade\n"
        )


def _config(store: Store, connection: Connection) -> Config:
    config = Config(attributes={"connection": connection, "metadata": store.metadata})
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _make_0001(url: str) -> None:
    """Make a store as version 1.0.0 left it, with the demo's processes."""
    store = Store(url, RESOURCES, with_folder=True)

    def run(connection: Connection) -> None:
        alembic.upgrade(_config(store, connection), "0001")
        names = ", ".join(store.tables[CHARGE_PROCESS].columns.keys())
        for row in demo.processes():
            values = ", ".join(map(_literal, row))
            connection.exec_driver_sql(f"INSERT INTO charge_process ({names}) VALUES ({values})")

    store.administer(run, create=True)


def _literal(value: object) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else str(value).upper()


def test_a_store_of_0001_is_upgraded_with_its_data(run: Run, empty_url: str) -> None:
    """Its table gets the checks."""
    _make_0001(empty_url)
    bad = "UPDATE charge_process SET end_date = 'tomorrow' WHERE process_id = 3"

    before, upgrade = run("export"), run("db", "upgrade")
    check, export = run("db", "check"), run("export")

    assert "older (0001) than 0002: run chargecloud db upgrade" in before.stderr
    assert upgrade.stdout.endswith(": 0001, now 0002\n"), upgrade.stderr
    assert check.returncode == 0, check.stderr
    assert export.stdout == "".join(map(_LINE, demo.processes()))
    with pytest.raises(IntegrityError, match="ck_charge_process_end_date"):
        _execute(empty_url, bad)


def test_an_upgrade_refuses_what_a_check_refuses(run: Run, empty_url: str) -> None:
    """In one line that names the column; the store stays as it was."""
    _make_0001(empty_url)
    _execute(empty_url, "UPDATE charge_process SET end_date = 'tomorrow' WHERE process_id = 3")

    upgrade, current = run("db", "upgrade"), run("db", "current")

    assert "ck_charge_process_end_date" in upgrade.stderr
    assert upgrade.stderr.count("\n") == 1
    assert upgrade.returncode == 1
    assert current.stdout == "0001\n"


def test_a_killed_upgrade_leaves_the_old_or_the_new(run: Run, empty_url: str) -> None:
    """Whenever it is killed, no row is lost, and the next upgrade completes it."""
    store = Store(empty_url, RESOURCES)
    store.replace(CHARGE_PROCESS, benchmark.processes(5_000))
    rows = store.count(CHARGE_PROCESS)
    kills = int(os.environ.get("CHARGE_UPGRADE_KILLS", "2"))
    rng = random.Random(kills)
    seen: Counter[str] = Counter()
    seconds = 0.0

    for number in range(kills + 1):
        store.administer(lambda made: alembic.downgrade(_config(store, made), "0001"))
        started = time.monotonic()
        process = bulk.start(empty_url, "db", "upgrade")
        if number == 0:
            assert process.wait() == 0
            seconds = time.monotonic() - started
            continue
        time.sleep(seconds * rng.uniform(0.5, 1))
        process.kill()
        process.wait()
        seen[run("db", "current").stdout] += 1
        assert store.count(CHARGE_PROCESS) == rows
        assert run("db", "upgrade").stdout.endswith("now 0002\n")
        assert run("db", "check").returncode == 0

    assert seen.total() == kills
    assert seen.keys() <= {"0001\n", "0002\n"}


def test_check_names_a_missing_check(run: Run, empty_url: str) -> None:
    """Exit code 1."""
    _make_0001(empty_url)
    _execute(empty_url, "UPDATE alembic_version SET version_num = '0002'")

    done = run("db", "check")

    assert "its schema differs: add_constraint ck_charge_process_" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("parameters", "first"),
    [("named", ":user_id"), ("pyformat", "%(user_id)s"), ("numeric", "$1"), ("qmark", "?")],
)
def test_upsert_is_printed_for_any_driver(run: Run, parameters: str, first: str) -> None:
    """One statement; it needs no database."""
    done = run("db", "upsert", "--database", "postgresql", "--parameters", parameters)

    assert done.stdout.startswith("INSERT INTO charge_process (user_id, process_id, active, ")
    assert f" VALUES ({first}, " in done.stdout
    assert " ON CONFLICT (process_id) DO UPDATE SET user_id = excluded.user_id, " in done.stdout
    assert done.stdout.endswith("pricing_unit = excluded.pricing_unit\n")


def test_the_printed_upsert_writes(run: Run, empty_url: str) -> None:
    """By a plain driver: a new row, then another in its place, which the service answers."""
    run("db", "upgrade")
    store = Store(empty_url, RESOURCES)
    names = store.tables[CHARGE_PROCESS].columns.keys()
    is_sqlite = empty_url.startswith("sqlite")
    printed = run("db", "upsert", "--parameters", "named" if is_sqlite else "pyformat").stdout
    connection: Any = (
        sqlite3.connect(empty_url.removeprefix("sqlite:///"))
        if is_sqlite
        else psycopg.connect(empty_url)
    )
    first, *_, last = demo.processes()
    moved = {**dict(zip(names, last, strict=True)), "process_id": first[1]}

    with closing(connection):
        connection.execute(printed, dict(zip(names, first, strict=True)))
        connection.execute(printed, moved)
        connection.commit()

    assert list(store.all(CHARGE_PROCESS)) == [tuple(moved.values())]
    assert store.latest(CHARGE_PROCESS, last[0]) == (first[1], *last[2:])
    store.close()


def test_the_code_knows_the_newest_change() -> None:
    """The version in schema.py is that of the migrations."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [schema.REVISION]


def test_several_that_create_the_tables_at_once_dont_fail(empty_url: str) -> None:
    """Workers start together."""
    code = (
        "from app.store.store import Store; from app.host.actions import RESOURCES;"
        f"Store({empty_url!r}, RESOURCES).prepare()"
    )

    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]

    assert [process.wait(60) for process in started] == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ["upgrade", "current", "check", "upsert"])
def test_a_legacy_database_is_refused(name: str, clean_env: dict[str, str], tmp_path: Path) -> None:
    """It is never written."""
    query = tmp_path / "status.sql"
    query.write_text("SELECT 1 AS process_id WHERE 1 = :user_id", encoding="utf-8")
    env = {
        **clean_env,
        "CHARGECLOUD_DATABASE_URL": f"sqlite:///{tmp_path / 'old.sqlite'}",
        "CHARGECLOUD_STATUS_QUERY": str(query),
    }

    command = [*_COMMAND, "db", name]
    done = subprocess.run(command, env=env, capture_output=True, text=True)

    assert "is read by STATUS_QUERY and never written" in done.stderr
    assert done.returncode == 1


def test_the_models_tables_are_the_migrations_tables(empty_url: str, run: Run) -> None:
    """Column by column, with types."""
    run("db", "upgrade")
    with create_engine(empty_url, poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, Store(empty_url, RESOURCES).metadata) == []


def test_an_upgrade_waits_for_those_who_write(run: Run, empty_url: str) -> None:
    """Fifty rows a transaction, again and again, as a feeding program does."""
    _make_0001(empty_url)
    update = text("UPDATE charge_process SET active = NOT active")
    ended = threading.Event()

    def feed() -> None:
        engine = create_engine(empty_url, poolclass=NullPool)
        while not ended.is_set():
            with engine.begin() as connection:
                connection.execute(update)
            time.sleep(0.005)

    feeder = threading.Thread(target=feed)
    feeder.start()
    store = Store(empty_url, RESOURCES)
    try:
        for _ in range(3):
            assert run("db", "upgrade").stderr == ""
            store.administer(lambda made: alembic.downgrade(_config(store, made), "0001"), True)
    finally:
        ended.set()
        feeder.join()


def test_two_upgrades_at_once_both_succeed(empty_url: str) -> None:
    """Replicas that start together."""
    started = [bulk.start(empty_url, "db", "upgrade") for _ in range(4)]

    assert [process.wait(60) for process in started] == [0, 0, 0, 0]
