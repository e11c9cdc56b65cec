"""Another program writes the table while the service reads it."""

from tests.measure import feeding


def test_readers_see_whole_rows_and_dont_wait(empty_url: str) -> None:
    """A row is all old or all new; of some short rounds the best shows what a read costs."""
    found = feeding.measure(empty_url, seconds=0.25, rounds=6)

    assert found.torn == 0
    assert found.written > 100
    assert min(found.ratios) < 1.5
