"""The store keeps what it is given, exactly."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import StoreError
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store import sqlite_file
from app.store.store import Store, Stored
from schemas.charge_process import ChargeProcess
from schemas.clr import INT32_MAX, INT32_MIN
from tests.strategies import INT32, PROCESSES

_MEMBERS = demo.processes()[0][2:]
_NOTICED_SECONDS = 0.1


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    (tmp_path / "folder").mkdir()
    return Store(f"sqlite:///{tmp_path / 'folder' / 'store.sqlite'}", RESOURCES)


def _process(user_id: int, process_id: int) -> Stored:
    return (user_id, process_id, *_MEMBERS)


@given(st.dictionaries(INT32, st.tuples(INT32, PROCESSES), max_size=5))
def test_any_process_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, drawn: dict[int, tuple[int, dict[str, object]]]
) -> None:
    """Values, scales, digits and kinds are those that went in, the newest process first."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('any') / 'store.sqlite'}", RESOURCES)
    rows = [
        (user_id, *ChargeProcess.row({**process, "process_id": process_id}))
        for process_id, (user_id, process) in drawn.items()
    ]
    store.replace(CHARGE_PROCESS, rows)

    assert list(store.all(CHARGE_PROCESS)) == sorted(rows, key=lambda row: row[:2])
    for user_id in {row[0] for row in rows}:
        newest = max((row for row in rows if row[0] == user_id), key=lambda row: row[1])
        assert store.latest(CHARGE_PROCESS, user_id) == newest[1:]


@pytest.mark.parametrize("edge", [INT32_MIN, -1, 0, INT32_MAX])
def test_ids_reach_over_the_whole_range(store: Store, edge: int) -> None:
    """User and process ids may have any value of 32 bits."""
    store.replace(CHARGE_PROCESS, [_process(edge, edge)])

    assert store.latest(CHARGE_PROCESS, edge) == (edge, *_MEMBERS)


def test_a_user_without_a_process_has_none(store: Store) -> None:
    """Nothing is None."""
    assert store.latest(CHARGE_PROCESS, 7) is None


def test_the_highest_process_id_is_the_latest(store: Store) -> None:
    """Not the last one written."""
    store.replace(CHARGE_PROCESS, [_process(1, 5), _process(1, 9), _process(1, -7)])

    found = store.latest(CHARGE_PROCESS, 1)

    assert found is not None
    assert found[0] == 9


def test_a_process_is_replaced_by_its_id(store: Store) -> None:
    """Whoever it belonged to."""
    store.replace(CHARGE_PROCESS, [_process(1, 5)])
    store.replace(CHARGE_PROCESS, [_process(2, 5)])

    assert store.latest(CHARGE_PROCESS, 1) is None
    assert list(store.all(CHARGE_PROCESS)) == [_process(2, 5)]


def test_all_or_nothing(store: Store) -> None:
    """What fails on the way leaves the store as it was."""
    store.replace(CHARGE_PROCESS, [_process(1, 1)])

    def broken() -> object:
        for number in range(12_000):
            yield _process(2, number)
        raise LookupError("broken")

    with pytest.raises(LookupError):
        store.replace(CHARGE_PROCESS, broken())  # type: ignore[arg-type]

    assert list(store.all(CHARGE_PROCESS)) == [_process(1, 1)]


def test_the_query_uses_the_index(store: Store) -> None:
    """One search for the one query, and no sort."""
    store.replace(CHARGE_PROCESS, [_process(1, 1)])

    plan = " ".join(store.explain(CHARGE_PROCESS))

    assert "SEARCH charge_process USING INDEX ix_charge_process_user (user_id=?)" in plan
    assert "TEMP B-TREE" not in plan


def test_the_file_is_in_wal_mode(store: Store, tmp_path: Path) -> None:
    """Readers and a writer do not wait for each other."""
    store.replace(CHARGE_PROCESS, [_process(1, 1)])

    assert (tmp_path / "folder" / "store.sqlite").read_bytes()[18:20] == b"\x02\x02"


def test_a_deleted_file_is_noticed(store: Store, tmp_path: Path) -> None:
    """An open connection is not answered from once its file is gone."""
    store.replace(CHARGE_PROCESS, [_process(1, 1)])
    assert store.latest(CHARGE_PROCESS, 1)
    for path in (tmp_path / "folder").iterdir():
        path.unlink()
    time.sleep(_NOTICED_SECONDS)

    with pytest.raises(StoreError, match=r"store\.sqlite can't be read"):
        store.latest(CHARGE_PROCESS, 1)


def test_a_replaced_file_is_noticed(store: Store, tmp_path: Path) -> None:
    """A restored copy is read soon."""
    store.replace(CHARGE_PROCESS, [_process(1, 1)])
    assert store.latest(CHARGE_PROCESS, 1)
    other = Store(f"sqlite:///{tmp_path / 'other.sqlite'}", RESOURCES)
    other.replace(CHARGE_PROCESS, [_process(1, 2)])
    os.replace(tmp_path / "other.sqlite", tmp_path / "folder" / "store.sqlite")
    time.sleep(_NOTICED_SECONDS)

    found = store.latest(CHARGE_PROCESS, 1)

    assert found is not None
    assert found[0] == 2


def test_a_broken_file_is_named_and_a_good_one_is_read_again(store: Store, tmp_path: Path) -> None:
    """Reading begins again when the file is back."""
    store.replace(CHARGE_PROCESS, [_process(1, 1)])
    path = tmp_path / "folder" / "store.sqlite"
    good = path.read_bytes()
    path.write_bytes(b"no database" * 1000)
    time.sleep(_NOTICED_SECONDS)
    with pytest.raises(StoreError, match=r"store\.sqlite can't be read: file is not a database"):
        store.latest(CHARGE_PROCESS, 1)

    path.write_bytes(good)

    assert store.latest(CHARGE_PROCESS, 1) is not None


def test_a_checkpoint_of_another_writer_is_no_other_file(store: Store, tmp_path: Path) -> None:
    """Where a program writes all the time, a reader keeps its connection."""
    path = tmp_path / "folder" / "store.sqlite"
    store.replace(CHARGE_PROCESS, [_process(1, 1)])
    before = sqlite_file.identity(str(path))
    os.utime(path, ns=(0, 0))
    overwritten = sqlite_file.identity(str(path))
    assert not sqlite_file.is_checkpoint(str(path), before, overwritten)

    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("UPDATE charge_process SET user_id = 2")
        writer.execute("PRAGMA wal_checkpoint")
        after = sqlite_file.identity(str(path))

        assert after != overwritten
        assert sqlite_file.is_checkpoint(str(path), overwritten, after)
        assert not sqlite_file.is_checkpoint(str(path), (0, *overwritten[1:]), after)
    assert store.latest(CHARGE_PROCESS, 2) is not None
