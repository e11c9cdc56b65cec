"""A legacy database in PostgreSQL: its types, its zones, and nothing written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.config import Settings
from app.errors import StoreError
from app.factory import create_app
from app.host.actions import CHARGE_PROCESS
from app.host.application import WebApi
from app.store.legacy import ColumnsError
from schemas.charge_process import ChargeProcess
from tests import truth
from tests.store import legacy_schema

_STATUS = "/ChargeProcess/Status?user_id=5"
Make = Callable[..., WebApi]


@pytest.fixture
def make(postgres_server: str, tmp_path: Path) -> Make:
    """Make an application on a database, with a query and settings."""

    def make(sql: str, url: str = postgres_server, **settings: Any) -> WebApi:
        file = tmp_path / "status.sql"
        file.write_text(sql, encoding="utf-8")
        return create_app(Settings(database_url=url, status_query=str(file), **settings))

    return make


def _query(**expressions: str) -> str:
    """Select expressions as members; the others are null."""
    every = dict.fromkeys(ChargeProcess.members(), "NULL") | {"process_id": "1"} | expressions
    columns = ", ".join(f"{expression} AS {name}" for name, expression in every.items())
    return f"SELECT {columns} WHERE :user_id > 0"


@pytest.fixture
def answered(make: Make, postgres_server: str) -> Callable[..., dict[str, Any]]:
    """Ask for what a query of expressions gives."""

    def answered(more: str = "", utc_dates: str = "offset", **expressions: str) -> dict[str, Any]:
        app = make(_query(**expressions), postgres_server + more, utc_dates=utc_dates)
        found = truth.call(app, _STATUS)
        app.store.close()
        assert found.status == 200
        # Numbers as they are written.
        text: dict[str, Any] = json.loads(found.body, parse_float=str)
        return {name: text[name] for name in expressions}

    return answered


def test_the_newest_process_is_answered(make: Make, postgres_url: str) -> None:
    """With joins, other names, and an SQL Server's types."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute(legacy_schema.POSTGRES_TABLES)
    app = make(legacy_schema.POSTGRES_QUERY, postgres_url)
    app.store.check()

    answer = truth.call(app, _STATUS)
    other = truth.call(app, _STATUS.replace("5", "6"))
    plan = app.store.explain(CHARGE_PROCESS)
    app.store.close()

    assert answer.body.decode() == legacy_schema.ANSWER
    assert other.body == b"null"
    assert any("sarjislem" in step for step in plan)


@pytest.mark.parametrize(
    ("member", "expression", "value"),
    [
        ("price", "10.10::numeric(18,2)", "10.10"),
        ("price", "11::numeric(18,2)", "11.00"),
        ("price", "11::bigint", "11.0"),
        ("price", "0.1::real", "0.1"),
        ("price", "0.1::double precision", "0.1"),
        ("price", "'12.50'::varchar(10)", "12.50"),
        ("price", "79228162514264337593543950335::numeric", "79228162514264337593543950335.0"),
        ("process_id", "7::smallint", 7),
        ("process_id", "7::bigint", 7),
        ("process_id", "7::numeric(10,0)", 7),
        ("active", "true", True),
        ("active", "B'1'::bit(1)", True),
        ("active", "0::smallint", False),
        ("socket_type", "'DC'::char(6)", "DC    "),
        ("socket_type", "'DC'::varchar(6)", "DC"),
        ("start_date", "'2016-01-02 03:04:05.120'::timestamp", "2016-01-02T03:04:05.12"),
        ("start_date", "'2016-01-02 03:04:05'::timestamp", "2016-01-02T03:04:05"),
        ("start_date", "'9999-12-31 23:59:59.999999'::timestamp", "9999-12-31T23:59:59.999999"),
        ("start_date", "'0001-01-01'::timestamp", "0001-01-01T00:00:00"),
        ("start_date", "'2016-01-02'::date", "2016-01-02T00:00:00"),
        ("start_date", "'2016-01-02 03:04:05.1234567'::char(27)", "2016-01-02T03:04:05.1234567"),
    ],
)
def test_types_are_mapped(
    answered: Callable[..., dict[str, Any]], member: str, expression: str, value: object
) -> None:
    """As ADO.NET would give them to the model."""
    assert answered(**{member: expression}) == {member: value}


_INSTANT = "'2016-07-02 03:04:05.5+00'::timestamptz"


@pytest.mark.parametrize(
    ("zone", "utc_dates", "written"),
    [
        ("Europe/Istanbul", "offset", "2016-07-02T06:04:05.5+03:00"),
        ("Europe/Istanbul", "Z", "2016-07-02T06:04:05.5+03:00"),
        ("Asia/Kolkata", "offset", "2016-07-02T08:34:05.5+05:30"),
        ("UTC", "offset", "2016-07-02T03:04:05.5+00:00"),
        ("UTC", "Z", "2016-07-02T03:04:05.5Z"),
    ],
)
def test_the_sessions_zone_is_the_local_one(
    answered: Callable[..., dict[str, Any]], zone: str, utc_dates: str, written: str
) -> None:
    """The URL chooses it."""
    found = answered(f"&options=-c%20timezone={zone}", utc_dates, start_date=_INSTANT)

    assert found == {"start_date": written}


@pytest.mark.parametrize(
    ("member", "expression"),
    [
        ("price", "'NaN'::numeric"),
        ("price", "'Infinity'::double precision"),
        ("price", "79228162514264337593543950336::numeric"),
        ("price", "'10 TL'::text"),
        ("price", "true"),
        ("process_id", "2147483648::bigint"),
        ("process_id", "'7'::text"),
        ("active", "'t'::text"),
        ("active", "2::int"),
        ("station_name", "'00000000-0000-0000-0000-000000000001'::uuid"),
        ("station_name", "ARRAY['a']"),
        ("station_name", "7"),
        ("start_date", "'infinity'::timestamp"),
        ("start_date", "'-infinity'::timestamptz"),
        ("start_date", "'0044-03-15 BC'::date"),
        ("start_date", "'10000-01-01'::timestamp"),
        ("start_date", "'03:04'::time"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    make: Make, caplog: pytest.LogCaptureFixture, member: str, expression: str
) -> None:
    """500 on the wire, and one line with the column's name."""
    app = make(_query(**{member: expression}))

    answer = truth.call(app, _STATUS)
    app.store.close()

    assert answer.status == 500
    (record,) = caplog.records
    assert f"status.sql: column {member}: must " in record.getMessage()
    assert "\n" not in record.getMessage()


def test_a_query_that_writes_is_refused(make: Make, postgres_url: str) -> None:
    """Its transactions are read only, whatever the login may do."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE seen (id int)")
    query = _query(process_id="(SELECT id FROM written)")
    app = make(f"WITH written AS (INSERT INTO seen VALUES (1) RETURNING id) {query}", postgres_url)

    with pytest.raises(ColumnsError, match="in a read-only transaction"):
        app.store.check()

    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM seen").fetchone() == (0,)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (_query().replace("NULL AS price,", ""), "the query lacks price"),
        (
            _query().replace("NULL AS price,", '1 AS "Price",'),
            "lacks price; has no member for Price",
        ),
        (_query().replace("NULL AS price,", "NULL AS price, 2 AS price,"), "has twice price"),
        (_query(price="nosuch"), 'column "nosuch" does not exist'),
    ],
)
def test_a_query_that_does_not_fit_is_named(make: Make, sql: str, said: str) -> None:
    """At start."""
    with pytest.raises(ColumnsError, match=said):
        make(sql).store.check()


def test_a_server_that_is_away_is_no_fault_of_the_query(make: Make) -> None:
    """It will be queried again."""
    app = make(_query(), "postgresql://postgres@/postgres?host=/nowhere")

    with pytest.raises(StoreError) as raised:
        app.store.check()

    assert not isinstance(raised.value, ColumnsError)


def test_a_column_may_become_wider(make: Make, postgres_url: str) -> None:
    """psycopg has prepared the query by then; the connection is replaced once."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE station (name varchar(20))")
        connection.execute("INSERT INTO station VALUES ('A')")
        app = make(
            f"{_query(station_name='name')} ".replace("WHERE", "FROM station WHERE"), postgres_url
        )
        statuses = [truth.call(app, _STATUS).status for _ in range(8)]
        connection.execute("ALTER TABLE station ALTER name TYPE varchar(40)")
        statuses += [truth.call(app, _STATUS).status for _ in range(3)]
        app.store.close()

    assert statuses == [200] * 11
