"""The status of one user costs the same in a store of any size."""

from pathlib import Path

import pytest

from app.host.actions import CHARGE_PROCESS
from tests.measure import growth


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_read_goes_by_the_index(database: str, tmp_path: Path) -> None:
    """In a store that is thirty times as big too, and takes about as long there."""
    with (
        growth.filled(database, 1_000, tmp_path) as small,
        growth.filled(database, 30_000, tmp_path) as big,
    ):
        growth.measure([small, big], reads=500, rounds=5)

        for each in (small, big):
            (plan,) = [
                line
                for line in each.store.explain(CHARGE_PROCESS)
                if "ix_charge_process_user" in line
            ]
            assert "SCAN" not in plan.replace("Index Scan", "")
            assert b'"process_id"' in each.status(7)
        assert min(big.reads) < 3 * min(small.reads)
