"""A legacy database is read as it is, and never written."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.config import Settings
from app.errors import ConfigError, StoreError
from app.factory import create_app
from app.host.actions import CHARGE_PROCESS
from app.host.application import WebApi
from app.server import demo
from app.store.legacy import ColumnsError
from tests import truth
from tests.store import legacy_schema

_STATUS = "/ChargeProcess/Status?user_id="


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A legacy database in a SQLite file."""
    path = tmp_path / "old data.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(legacy_schema.TABLES)
    connection.close()
    return path


@pytest.fixture
def make(file: Path, tmp_path: Path) -> Callable[..., WebApi]:
    """Make an application on the legacy database, with a query and settings."""

    def make(sql: str = legacy_schema.SQLITE_QUERY, **settings: str) -> WebApi:
        (tmp_path / "status.sql").write_text(sql, encoding="utf-8")
        url = f"sqlite:///{file}"
        query = str(tmp_path / "status.sql")
        return create_app(Settings(**{"database_url": url, "status_query": query, **settings}))  # type: ignore[arg-type]

    return make


def _replaced(old: str, new: str) -> str:
    assert old in legacy_schema.SQLITE_QUERY
    return legacy_schema.SQLITE_QUERY.replace(old, new)


def test_the_newest_process_is_answered(make: Callable[..., WebApi]) -> None:
    """With joins, other names, and an SQL Server's types."""
    answer = truth.call(make(), _STATUS + "5")

    assert answer.body.decode() == legacy_schema.ANSWER


def test_a_user_without_a_process_has_none(make: Callable[..., WebApi]) -> None:
    """No row is null."""
    assert truth.call(make(), _STATUS + "6").body == b"null"


def test_the_first_of_several_rows_counts(make: Callable[..., WebApi]) -> None:
    """As FirstOrDefault takes it."""
    answer = truth.call(make(_replaced("LIMIT 1", "")), _STATUS + "5")

    assert truth.json_of(answer)["process_id"] == 901


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("f.Logo AS company_image,", "", "the query lacks company_image"),
        ("f.Logo AS company_image", "f.Logo AS Company_Image", "lacks company_image; has no"),
        ("f.Logo AS", "1 AS colour, f.Logo AS", "the query has no member for colour"),
        ("f.Logo AS", "i.Birim AS price_unit, f.Logo AS", "the query has twice price_unit"),
        ("SarjIslem", "NoSuchTable", "no such table: NoSuchTable"),
        ("JOIN Soket k", "JION Soket k", "syntax error"),
    ],
)
def test_a_query_that_does_not_fit_is_named(
    make: Callable[..., WebApi], old: str, new: str, said: str
) -> None:
    """At start, without a look at any user's data."""
    with pytest.raises(ColumnsError, match=said) as raised:
        make(_replaced(old, new)).store.check()

    assert "old data.sqlite by " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_query_that_fits_passes_the_check(make: Callable[..., WebApi]) -> None:
    """Columns may be in any order."""
    sql = _replaced("SELECT i.IslemId AS process_id, ", "SELECT ")

    make(sql.replace("AS pricing_unit", "AS pricing_unit, i.IslemId AS process_id")).store.check()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("i.Tutar)", "i.Tutar) || ' TL'", "column price: must be a decimal number, not '10.10 TL'"),
        ("i.Aktif AS", "'yes' AS", "column active: must be true or false, not 'yes'"),
        ("i.IslemId AS", "NULL AS", "column process_id: must be a whole number, not None"),
        ("i.Bitis AS", "'yesterday' AS", "column end_date: must be a date such as"),
        ("i.Birim AS", "x'00' AS", "column price_unit: must be a string"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_and_a_line(
    make: Callable[..., WebApi],
    caplog: pytest.LogCaptureFixture,
    old: str,
    new: str,
    said: str,
) -> None:
    """500 on the wire; the log names the column."""
    answer = truth.call(make(_replaced(old, new)), _STATUS + "5")

    assert (answer.status, answer.body) == (500, b'{"Message":"An error has occurred."}')
    (record,) = caplog.records
    assert said in record.getMessage()
    assert "\n" not in record.getMessage()


def test_a_database_that_is_not_there_is_asked_again(
    make: Callable[..., WebApi], file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not a reason to refuse the start, and not one to create the file."""
    aside = file.rename(file.with_name("aside"))
    app = make()

    with pytest.raises(StoreError) as raised:
        app.store.check()
    assert not isinstance(raised.value, ColumnsError)
    assert truth.call(app, _STATUS + "5").status == 500
    assert len(caplog.records) == 1
    assert not file.exists()

    aside.rename(file)
    assert truth.call(app, _STATUS + "5").body.decode() == legacy_schema.ANSWER


def test_columns_are_checked_at_the_first_contact(
    make: Callable[..., WebApi], caplog: pytest.LogCaptureFixture
) -> None:
    """Where the start could not do it."""
    app = make(_replaced("f.Logo AS company_image,", ""))

    assert truth.call(app, _STATUS + "5").status == 500
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == [
        "the query lacks company_image"
    ]


def test_zones_of_utc_are_z_by_setting(make: Callable[..., WebApi]) -> None:
    """UTC_DATES says how the offset zero is written."""
    sql = _replaced("i.Baslangic AS", "'2016-01-02 03:04:05.50+00:00' AS")

    written = [
        truth.json_of(truth.call(make(sql, utc_dates=chosen), _STATUS + "5"))["start_date"]
        for chosen in ("offset", "Z")
    ]

    assert written == ["2016-01-02T03:04:05.5+00:00", "2016-01-02T03:04:05.5Z"]


def test_the_file_is_open_for_reading_only(make: Callable[..., WebApi]) -> None:
    """SQLite itself would refuse a query that wrote."""
    connections = make().store._connections

    with pytest.raises(sqlite3.OperationalError, match="readonly database"):
        connections.query("DELETE FROM Firma", (), lambda cursor: cursor.fetchall())


def test_nothing_is_put_into_it(make: Callable[..., WebApi], file: Path) -> None:
    """Import, export and demo data are refused, and the file keeps its bytes."""
    store = make().store
    before = file.read_bytes()

    for attempt in (
        store.prepare,
        lambda: store.replace(CHARGE_PROCESS, demo.processes()),
        lambda: store.all(CHARGE_PROCESS),
        lambda: demo.fill(store),
    ):
        with pytest.raises(StoreError, match="is read by STATUS_QUERY and never written"):
            attempt()

    store.latest(CHARGE_PROCESS, 5)
    assert file.read_bytes() == before
    assert not [*file.parent.glob("*-wal"), *file.parent.glob("*-journal")]


def test_the_plan_is_shown(make: Callable[..., WebApi]) -> None:
    """As for the own tables."""
    plan = make().store.explain(CHARGE_PROCESS)

    assert any("SarjIslem" in step or "SCAN i" in step for step in plan)


def test_a_query_needs_a_database(tmp_path: Path) -> None:
    """The embedded store has no legacy tables."""
    (tmp_path / "a.sql").write_text("SELECT :user_id")

    with pytest.raises(ConfigError, match="STATUS_QUERY needs CHARGECLOUD_DATABASE_URL"):
        create_app(Settings(status_query=str(tmp_path / "a.sql")))


def test_sql_server_needs_a_query() -> None:
    """The service's own tables are for the others."""
    with pytest.raises(ConfigError, match="must begin with sqlite:// or postgresql:// unless"):
        create_app(Settings(database_url="mssql+pymssql://reader@old.example/Sarj"))


@pytest.fixture
def env(file: Path, tmp_path: Path, clean_env: dict[str, str]) -> dict[str, str]:
    """The settings of a service on the legacy database."""
    query = tmp_path / "status.sql"
    query.write_text(legacy_schema.SQLITE_QUERY, encoding="utf-8")
    url = f"sqlite:///{file}"
    own = {"CHARGECLOUD_DATABASE_URL": url, "CHARGECLOUD_STATUS_QUERY": str(query)}
    return {**clean_env, **own}


_CHARGECLOUD = [sys.executable, "-m", "app"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["serve", "--bind", "127.0.0.1:0"], "the query lacks company_image"),
        (["serve", "--demo", "--bind", "127.0.0.1:0"], "the query lacks company_image"),
        (["import", "-"], "is read by STATUS_QUERY and never written"),
        (["export"], "is read by STATUS_QUERY and never written"),
    ],
)
def test_commands_refuse_in_one_line(
    env: dict[str, str], tmp_path: Path, command: list[str], said: str
) -> None:
    """Nothing is served by a query that doesn't fit, and nothing is written."""
    query = tmp_path / "status.sql"
    query.write_text(_replaced("f.Logo AS company_image,", ""))

    done = subprocess.run(
        [*_CHARGECLOUD, *command], env=env, cwd=tmp_path, input="", capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("chargecloud: sqlite:////")
    assert done.stderr.endswith(f"{said}\n")
    assert done.stderr.count("\n") == 1


def test_serve_waits_for_a_database_that_is_away(
    env: dict[str, str], tmp_path: Path, file: Path
) -> None:
    """It says so once, answers 500, and by itself 200 when the database is there."""
    aside = file.rename(file.with_name("aside"))
    port = truth.free_port()
    client = truth.Client(port)
    serve = [*_CHARGECLOUD, "serve", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    with truth.running(serve, port, env, tmp_path) as server:
        away = client.ask("GET", _STATUS + "5", [("Host", "a")])
        aside.rename(file)
        back = client.ask("GET", _STATUS + "5", [("Host", "a")])
        client.close()
        output = server.output()

    assert (away.status, back.status) == (500, 200)
    assert back.body.decode() == legacy_schema.ANSWER
    assert "; requests try it again" in output
    assert "Traceback" not in output
