"""Any number of processes is written at once, in both databases."""

from collections.abc import Iterator

import pytest

from app.errors import StoreError
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store, Stored
from app.store.transfer import records
from tests import truth

_MEMBERS = demo.processes()[0][2:]


def _process(user_id: int, process_id: int) -> Stored:
    return (user_id, process_id, *_MEMBERS)


def test_the_recorded_processes_come_back(empty_url: str) -> None:
    """Exact decimals, seven digits, kinds and any character but NUL."""
    store = Store(empty_url, RESOURCES)
    with truth.PROCESSES.open("rb") as stream:
        rows = list(records.read(stream, "processes.jsonl", CHARGE_PROCESS))
    kept = [row for row in rows if not any("\0" in str(value) for value in row)]
    assert len(kept) > 100

    assert store.replace(CHARGE_PROCESS, kept) == len(kept)

    assert sorted(store.all(CHARGE_PROCESS)) == sorted(kept)
    assert all(store.latest(CHARGE_PROCESS, row[0]) for row in kept)
    store.close()


def test_of_the_same_process_the_last_one_counts(empty_url: str) -> None:
    """Within a batch, across batches, and over what is there."""
    store = Store(empty_url, RESOURCES)
    store.replace(CHARGE_PROCESS, [_process(1, 7)])

    count = store.replace(
        CHARGE_PROCESS,
        [
            _process(2, 7),
            _process(3, 7),
            *(_process(4, 10 + n) for n in range(5_000)),
            _process(5, 7),
        ],
    )

    assert count == 5_003
    rows = list(store.all(CHARGE_PROCESS))
    assert len(rows) == 5_001
    assert rows[-1] == _process(5, 7)


def test_a_row_that_the_database_refuses_leaves_it_as_it_was(empty_url: str) -> None:
    """All of the batches before it are gone too."""
    store = Store(empty_url, RESOURCES)
    store.replace(CHARGE_PROCESS, [_process(1, 1)])
    bad = (None, 2, *_MEMBERS)

    with pytest.raises(StoreError, match="can't be written: "):
        store.replace(CHARGE_PROCESS, [*(_process(2, n) for n in range(10, 5_010)), bad])

    assert list(store.all(CHARGE_PROCESS)) == [_process(1, 1)]
    assert store.replace(CHARGE_PROCESS, [_process(2, 2)]) == 1


def test_nothing_is_nothing(empty_url: str) -> None:
    """An empty file is no failure."""
    store = Store(empty_url, RESOURCES)

    assert store.replace(CHARGE_PROCESS, []) == 0
    assert list(store.all(CHARGE_PROCESS)) == []


def test_nobody_sees_an_import_before_its_end(empty_url: str) -> None:
    """A request on the way gets what was there before, and does not wait."""
    store, other = Store(empty_url, RESOURCES), Store(empty_url, RESOURCES)
    store.replace(CHARGE_PROCESS, [_process(1, 1)])
    seen: list[Stored | None] = []

    def rows() -> Iterator[Stored]:
        yield _process(1, 2)
        yield from (_process(2, number) for number in range(10, 10_010))
        seen.extend([other.latest(CHARGE_PROCESS, 1), other.latest(CHARGE_PROCESS, 2)])

    store.replace(CHARGE_PROCESS, rows())

    assert seen == [_process(1, 1)[1:], None]
    assert other.latest(CHARGE_PROCESS, 1) == _process(1, 2)[1:]
    other.close()
