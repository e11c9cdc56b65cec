"""A query's file is checked before it is used."""

from pathlib import Path
from typing import Any

import pytest
from pymssql._mssql import substitute_params
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.mssql import pymssql
from sqlalchemy.dialects.postgresql import psycopg

from app.config import Settings
from app.errors import ConfigError
from app.factory import create_app
from app.store.status_query import read_query


def _write(folder: Path, sql: str) -> str:
    file = folder / "status.sql"
    file.write_text(sql, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1", "has no parameter"),
        ("SELECT 1 -- :user_id", "has no parameter"),
        ("SELECT /* :user_id */ ':user_id', \":user_id\", [a:user_id]", "has no parameter"),
        ("SELECT $$ :user_id $$, $a$ $$ :user_id $a$", "has no parameter"),
        ("SELECT :user_id::int, :other", "has :other, :user_id"),
        ("SELECT :User_Id", "has :User_Id"),
        ("SELECT :user_id, :b", "has :b, :user_id"),
        ("SELECT :user_id; SELECT 2", "one SELECT"),
        ("DELETE FROM a WHERE b = :user_id", "one SELECT"),
    ],
)
def test_a_wrong_query_is_refused(tmp_path: Path, sql: str, said: str) -> None:
    """One line names the setting, the file and what is wrong."""
    file = _write(tmp_path, sql)

    with pytest.raises(ConfigError, match=r"^CHARGECLOUD_STATUS_QUERY must be a file ") as raised:
        create_app(Settings(database_url="sqlite:////legacy.sqlite", status_query=file))

    assert f"{file!r}" in str(raised.value)
    assert str(raised.value).endswith(said if said.startswith("has") else "is not")
    assert said in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """So is one that is no text."""
    missing = str(tmp_path / "no.sql")
    (tmp_path / "latin.sql").write_bytes(b"SELECT '\xfc', :user_id")

    for file, reason in ((missing, "No such file"), (str(tmp_path / "latin.sql"), "UTF-8 text")):
        with pytest.raises(ConfigError, match=f"^CHARGECLOUD_STATUS_QUERY must be .*{reason}"):
            create_app(Settings(database_url="sqlite:////legacy.sqlite", status_query=file))


_SQL = """\
-- it's: 100 % :sure
SELECT '12:30 :x %', "a:b", c::text /* : */ FROM t WHERE u = :user_id::int OR :user_id=0 ;
"""


@pytest.mark.parametrize(
    ("dialect", "bind", "times", "percent"),
    [
        (sqlite.dialect, "?", 2, "%"),
        (psycopg.dialect, "%(user_id)s", 0, "%%"),
        (pymssql.dialect, "%(user_id)s", 0, "%"),
    ],
    ids=["sqlite", "psycopg", "pymssql"],
)
def test_only_the_user_is_bound(
    tmp_path: Path, dialect: Any, bind: str, times: int, percent: str
) -> None:
    """Texts, names and casts stay as they are, in the style of each driver."""
    query = read_query(_write(tmp_path, _SQL), "user_id")

    statement = query.compile(dialect(dbapi=dialect.import_dbapi()))
    assert statement.times == times
    assert statement.sql == (
        f"SELECT '12:30 :x {percent}', \"a:b\", c::text   FROM t"
        f" WHERE u = {bind} ::int OR {bind} =0"
    )


def test_pymssql_puts_in_the_user_and_nothing_else(tmp_path: Path) -> None:
    """What an SQL Server would get; none is here."""
    query = read_query(
        _write(tmp_path, "SELECT TOP 1 '%s :x %' AS a WHERE b = :user_id OR c = '%d'"),
        "user_id",
    )
    dialect: Any = pymssql.dialect
    sql = query.compile(dialect(dbapi=dialect.import_dbapi())).sql

    sent = substitute_params(sql, {"user_id": -7})

    assert sent == b"SELECT TOP 1 '%s :x %' AS a WHERE b = -7  OR c = '%d'"
