"""A value that an answer can't hold is refused by the table itself, and by nothing else."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError
from sqlalchemy import make_url

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store
from app.store.tables import upsert
from schemas import clr
from schemas.charge_process import ChargeProcess
from tests import postgres
from tests.strategies import PROCESSES, dates, decimals

_NAMES = ("user_id", *ChargeProcess.members())
_ROW = demo.processes()[0]


class Writer:
    """A program that writes one row at a time, with a plain driver."""

    def __init__(self, url: str) -> None:
        store = Store(url, RESOURCES, with_folder=True)
        store.prepare()
        store.close()
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        database, parameters = ("sqlite", "named") if self.is_sqlite else ("postgresql", "pyformat")
        self._upsert = upsert(store.tables[CHARGE_PROCESS], database, parameters)
        self._connection: Any = (
            sqlite3.connect(str(make_url(url).database), isolation_level=None)
            if self.is_sqlite
            else psycopg.connect(url, autocommit=True)
        )

    def takes(self, **changes: object) -> bool:
        """Write a row with some values changed, and tell whether the table takes it."""
        row = {**dict(zip(_NAMES, _ROW, strict=True)), **changes}
        try:
            self._connection.execute(self._upsert, row)
        except (sqlite3.Error, psycopg.Error, OverflowError):
            return False
        return True

    def value(self, name: str) -> object:
        """Return the text of a value of the row."""
        found = self._connection.execute(
            f"SELECT CAST({name} AS text) FROM charge_process WHERE process_id = {_ROW[1]}"
        )
        return found.fetchone()[0]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def writer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Writer]:
    """A writer to a store of each kind."""
    if request.param == "sqlite":
        made = Writer(f"sqlite:///{tmp_path_factory.mktemp('checks') / 'store.sqlite'}")
    else:
        made = Writer(request.getfixturevalue("checked_url"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def checked_url(postgres_server: str) -> Iterator[str]:
    """An empty database of the PostgreSQL server."""
    with postgres.database(postgres_server, "checked") as url:
        yield url


def _is_valid(parse: Any, text: object) -> bool:
    try:
        return bool(parse(text) == text)
    except ValidationError:
        return False


_DECIMALS = [
    *("0", "0.00", "19", "-19.90", "0.5", "-0.5", "79228162514264337593543950335"),
    *("-7.9228162514264337593543950335", "79228162514264337593543950336", "1" * 30, "9" * 29),
    *("0.0000000000000000000000000001", "0.00000000000000000000000000001", "12345." + "1" * 28),
    *("", "-", ".", "abc", "1.", ".5", "01", "-01", "00", "1e3", "+1", " 1", "1 ", "1\n", "--1"),
    *("1-", "1.2.3", "-0", "-0.00", "NaN", "Infinity", "-Infinity", "1,5", "1\0", "１", "0x10"),
]
_DATES = [
    *("2025-12-06T07:19:38", "2025-12-06T07:19:38.3037942+03:00", "2024-02-29T00:00:00Z"),
    *("0001-01-01T00:00:00", "9999-12-31T23:59:59.9999999-14:00", "2025-12-06T07:19:38.50Z"),
    *("2025-02-29T00:00:00", "2025-02-30T00:00:00", "0000-01-01T00:00:00", "2025-13-01T00:00:00"),
    *("2025-00-10T00:00:00", "2025-10-00T00:00:00", "2025-12-06", "2025-12-06 07:19:38", ""),
    *("2025-12-06T24:00:00", "2025-12-06T07:60:00", "2025-12-06T07:19:60", "2025-12-06T07:19:38."),
    *("2025-12-06T07:19:38.12345678", "2025-12-06T07:19:38+14:01", "2025-12-06T07:19:38+15:00"),
    *("2025-12-06T07:19:38+3", "2025-12-06T07:19:38z", "2025-12-06T07:19:38\n", "2025-12-06T07:19"),
    *("2025-12-06T07:19:38.1.2", "2025-12-06T07:19:38Z5", "2025-12-06T07:19:385", "now", "a" * 19),
    *("2025-12-06T07:19:38+03:60", "2025-12-06T07:19:38Z\0", "２025-12-06T07:19:38"),
]


@pytest.mark.parametrize("text", _DECIMALS)
def test_a_decimal_is_checked(writer: Writer, text: str) -> None:
    """As clr.decimal does; PostgreSQL's numeric reads more forms, and keeps a valid one."""
    valid = _is_valid(clr.decimal, text)

    taken = writer.takes(price=text)

    assert taken or not valid
    assert not taken or _is_valid(clr.decimal, writer.value("price"))
    assert not (taken and writer.is_sqlite) or valid


@pytest.mark.parametrize("text", _DATES)
def test_a_date_is_checked(writer: Writer, text: str) -> None:
    """As clr.date_time does."""
    assert writer.takes(end_date=text) is _is_valid(clr.date_time, text)


@given(data=st.data())
def test_any_text_is_checked(writer: Writer, data: st.DataObject) -> None:
    """Of a date, and in SQLite of a decimal, near valid ones."""
    cases = [("start_date", clr.date_time, dates())]
    if writer.is_sqlite:
        cases.append(("pricing", clr.decimal, decimals()))
    name, parse, valid = data.draw(st.sampled_from(cases))
    text = data.draw(valid)
    at = data.draw(st.integers(0, len(text)))
    inserted = data.draw(st.sampled_from(["", "0", "1", "9", "-", "+", ".", ":", "T", "Z", "14"]))
    changed = text[:at] + inserted + text[at + data.draw(st.integers(0, 2)) :]

    assert writer.takes(**{name: changed}) is _is_valid(parse, changed)


@given(process=PROCESSES)
def test_any_valid_value_is_taken(writer: Writer, process: dict[str, Any]) -> None:
    """But for U+0000 in PostgreSQL, which can't hold it."""
    holds_nul = any("\0" in value for value in process.values() if isinstance(value, str))

    assert writer.takes(**process) is (writer.is_sqlite or not holds_nul)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("process_id", None),
        ("process_id", 2**31),
        ("process_id", -(2**31) - 1),
        ("process_id", "x"),
        ("user_id", None),
        ("user_id", 2**31),
        ("user_id", 1.5),
        ("user_id", "x"),
        ("active", 2),
        ("active", "maybe"),
        ("active", -1),
        ("price", b"19"),
        ("price", 1e300),
        ("station_name", b"\xff"),
        ("end_date", b"2025-12-06T07:19:38"),
    ],
)
def test_another_type_is_refused(writer: Writer, name: str, value: object) -> None:
    """Or another range, unless PostgreSQL casts it to a valid value."""
    is_cast = not writer.is_sqlite and (name, value) in _CAST

    assert writer.takes(**{name: value}) is is_cast
    assert writer.takes()


_CAST = [("user_id", 1.5), ("station_name", b"\xff")]
