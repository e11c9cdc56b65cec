"""A legacy SQL Server: its driver, and its types as they come over its protocol.

No SQL Server is here to be asked: ``tests.tds`` speaks its protocol, and knows no SQL.
"""

import socket
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.errors import StoreError
from app.factory import create_app
from app.host.actions import CHARGE_PROCESS
from app.host.application import WebApi
from app.store.legacy import ColumnsError
from app.store.store import Store
from tests import tds, truth
from tests.store import legacy_schema

_STATUS = "/ChargeProcess/Status?user_id=5"
_QUERY = legacy_schema.POSTGRES_QUERY.replace("SELECT", "SELECT TOP 1", 1).replace("LIMIT 1", "")
_NVARCHAR = tds.nvarchar(100)
_COLUMNS: dict[str, tuple[tds.Type, Any]] = {
    "process_id": (tds.INT, 901),
    "active": (tds.BIT, 1),
    "charge_complete": (tds.BIT, 0),
    "payment_complete": (tds.BIT, None),
    "station_name": (_NVARCHAR, 'Kadıköy: "İskele"'),
    "socket_name": (_NVARCHAR, "CCS-2 #3"),
    "socket_type": (tds.nchar(6), "DC"),
    "socket_kwh": (_NVARCHAR, "120 kWh"),
    "start_date": (tds.varchar(33), "2016-01-03T03:04:05.1000000"),
    "end_date": (tds.DATETIME2, None),
    "start_percent": (tds.decimal(5, 2), Decimal("18.5")),
    "current_percent": (tds.decimal(5, 2), Decimal(47)),
    "end_percent": (tds.decimal(5, 2), Decimal(80)),
    "used_kwh": (tds.decimal(18, 4), Decimal(0)),
    "average_kwh": (tds.FLOAT, 61.5),
    "company_name": (_NVARCHAR, "Park & Şarj"),
    "company_image": (_NVARCHAR, None),
    "socket_image": (_NVARCHAR, "https://cdn.example/dc.png"),
    "price": (tds.decimal(18, 2), Decimal("10.1")),
    "price_unit": (tds.nvarchar(3), "TRY"),
    "pricing": (tds.decimal(18, 2), Decimal("8.99")),
    "pricing_unit": (tds.nvarchar(10), "TRY/kWh"),
}
_SETUP = {
    "@@version": "Microsoft SQL Server 2019 (RTM) - 15.0.2000.5",
    "schema_name()": "dbo",
    "transaction_isolation_level": "READ COMMITTED",
}
"""The queries of SQLAlchemy when it first connects."""


class Server:
    """Answers the query with a row of columns, or as it is told."""

    def __init__(self) -> None:
        self.columns = dict(_COLUMNS)
        self.refusal: bytes | None = None
        self.got: list[str] = []

    def answer(self, sql: str) -> tds.Result | bytes:
        """Answer a batch."""
        self.got.append(sql)
        if "SELECT TOP 1" in sql and self.refusal is not None:
            return self.refusal
        if "SELECT TOP 1" in sql:
            row = [value for _, value in self.columns.values()]
            named = [(name, kind) for name, (kind, _) in self.columns.items()]
            return named, [row] if "KullaniciId = 5 " in sql else []
        found = next((said for asked, said in _SETUP.items() if asked in sql), "")
        return ([("", _NVARCHAR)], [[found]]) if "SELECT" in sql.upper() else b"\xfd" + bytes(12)


@pytest.fixture
def server() -> Server:
    """What the server answers."""
    return Server()


@pytest.fixture
def run(tmp_path: Path, server: Server) -> Callable[..., Any]:
    """Run something with an application on a server."""

    def run(use: Callable[[WebApi], Any]) -> Any:
        (tmp_path / "status.sql").write_text(_QUERY, encoding="utf-8")
        with tds.server(server.answer) as port:
            url = f"mssql+pymssql://reader:secret@127.0.0.1:{port}/Sarj"
            app = create_app(Settings(database_url=url, status_query=str(tmp_path / "status.sql")))
            try:
                return use(app)
            finally:
                app.store.close()

    return run


def _ask(app: WebApi) -> truth.Answer:
    return truth.call(app, _STATUS)


def test_the_types_are_mapped(run: Callable[..., Any], server: Server) -> None:
    """decimal, bit, nvarchar, nchar, float and a date as text, to the same bytes as elsewhere."""
    assert run(_ask).body.decode() == legacy_schema.ANSWER
    assert sum("KullaniciId = 5 " in sql for sql in server.got) == 1


def test_a_user_without_a_process_has_none(run: Callable[..., Any]) -> None:
    """No row is null."""
    assert run(lambda app: truth.call(app, _STATUS.replace("5", "6"))).body == b"null"


def test_no_transaction_is_left_open(run: Callable[..., Any], server: Server) -> None:
    """A read holds nothing in the server."""
    run(_ask)

    assert not any(sql.endswith(" TRAN") for sql in server.got), server.got


_DAY = date(2016, 1, 2)
_TICKS = (3 * 3600 + 4 * 60 + 5) * 10**7 + 1234567


@pytest.mark.parametrize(
    ("member", "column", "written"),
    [
        ("process_id", (tds.BIGINT, 7), "7"),
        ("price", (tds.MONEY, 101000), "10.1000"),
        ("price", (tds.decimal(18, 0), Decimal(-11)), "-11.0"),
        ("start_date", (tds.DATE, _DAY), '"2016-01-02T00:00:00"'),
        ("start_date", (tds.DATETIME, (42369, 37)), '"2016-01-02T00:00:00.123"'),
        # pymssql cuts the seventh digit, and widens a real: a query gives text, or casts.
        ("start_date", (tds.DATETIME2, (_DAY, _TICKS)), '"2016-01-02T03:04:05.123456"'),
        (
            "start_date",
            (tds.DATETIMEOFFSET, (_DAY, _TICKS, 180)),
            '"2016-01-02T06:04:05.123456+03:00"',
        ),
        ("price", (tds.REAL, 0.1), "0.100000001490116"),
    ],
)
def test_more_types_are_mapped(
    run: Callable[..., Any],
    server: Server,
    member: str,
    column: tuple[tds.Type, Any],
    written: str,
) -> None:
    """As ADO.NET would give them to the model, but for two that the driver changes."""
    server.columns[member] = column

    assert f'"{member}":{written},' in run(_ask).body.decode()


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        ("price", (_NVARCHAR, "10 TL"), "column price: must be a decimal number, not '10 TL'"),
        ("active", (tds.INT, 2), "column active: must be true or false, not 2"),
        ("process_id", (tds.INT, None), "column process_id: must be a whole number, not None"),
        ("station_name", (tds.GUID, bytes(16)), "column station_name: must be a string, not UUID("),
        ("Price", (tds.INT, 1), "the query has no member for Price"),
    ],
)
def test_what_does_not_fit_is_an_error_and_a_line(
    run: Callable[..., Any],
    server: Server,
    caplog: pytest.LogCaptureFixture,
    name: str,
    column: tuple[tds.Type, Any],
    said: str,
) -> None:
    """With the column's name."""
    server.columns[name] = column

    assert run(_ask).status == 500
    (record,) = caplog.records
    assert said in record.getMessage()


def test_a_query_that_the_server_refuses_is_named(run: Callable[..., Any], server: Server) -> None:
    """At start."""
    server.refusal = tds.error(208, "Invalid object name 'SarjIslem'.")

    with pytest.raises(ColumnsError, match="Invalid object name 'SarjIslem'"):
        run(lambda app: app.store.check())


def test_a_server_that_is_away_is_no_fault_of_the_query(run: Callable[..., Any]) -> None:
    """It will be queried again."""
    apps: list[WebApi] = []
    run(apps.append)

    with pytest.raises(StoreError, match="Connection refused") as raised:
        apps[0].store.check()

    assert not isinstance(raised.value, ColumnsError)


def test_a_silent_server_costs_one_request_its_time(tmp_path: Path) -> None:
    """pymssql gives up by itself; the next requests fail at once."""
    (tmp_path / "status.sql").write_text(_QUERY, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"mssql+pymssql://reader:secret@127.0.0.1:{listener.getsockname()[1]}/Sarj"
        settings = Settings(
            database_url=url, status_query=str(tmp_path / "status.sql"), database_timeout=2
        )
        store = create_app(settings).store

        seconds = [_refused(store) for _ in range(3)]

    assert 0.9 < seconds[0] < 4
    assert max(seconds[1:]) < 0.5


def _refused(store: Store) -> float:
    started = time.monotonic()
    with pytest.raises(StoreError):
        store.latest(CHARGE_PROCESS, 5)
    return time.monotonic() - started
