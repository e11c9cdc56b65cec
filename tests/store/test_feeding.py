"""Another program writes the table while the service reads it."""

from contextlib import closing

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.store.store import Store
from tests.measure import feeding


def test_readers_see_whole_rows_for_the_same_work(empty_url: str) -> None:
    """A row is all old or all new; of some short rounds the best shows what a read costs.

    Only CPU time is compared: on a busy machine the clock shows who else is there.
    """
    found = feeding.measure(empty_url, seconds=0.25, rounds=6)

    assert found.torn == 0
    assert found.written > 100
    assert min(ratio.cpu for ratio in found.ratios) < 1.5


def test_readers_dont_wait_for_a_writer(empty_url: str) -> None:
    """They see the old row while its transaction is open, and the new one after it."""
    with closing(Store(empty_url, RESOURCES)) as store:
        store.replace(CHARGE_PROCESS, [feeding.row(user=1, number=1)])
        with closing(feeding.Writer(empty_url)) as writer:
            writer.write([feeding.row(user=1, number=2)])
            before = store.latest(CHARGE_PROCESS, 1)
            writer.commit()
            after = store.latest(CHARGE_PROCESS, 1)

    assert before == feeding.row(user=1, number=1)[1:]
    assert after == feeding.row(user=1, number=2)[1:]
