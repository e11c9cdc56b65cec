"""A service reads from a replica that its URL names, and from the next server without it."""

import pytest

from app.config import Settings
from app.errors import StoreError
from app.factory import create_app
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store
from tests import replica, truth


def test_a_replica_is_read(postgres_url: str) -> None:
    """What is imported at the first server is answered by the second, which takes nothing itself.

    When it is stopped, the next server of the list answers.
    """
    first = Store(postgres_url, RESOURCES)
    first.replace(CHARGE_PROCESS, demo.processes()[:1])
    with replica.following(postgres_url) as (folder, stop):
        app = create_app(Settings(database_url=postgres_url.replace("?", f"?host={folder}&", 1)))

        def has(user_id: int) -> bool:
            answer = truth.call(app, f"/ChargeProcess/Status?user_id={user_id}")
            return answer.status == 200 and answer.body != b"null"

        assert has(1)
        assert not has(2)
        first.replace(CHARGE_PROCESS, demo.processes())
        truth.until(lambda: has(2))
        with pytest.raises(StoreError, match="in a read-only transaction"):
            app.store.replace(CHARGE_PROCESS, demo.processes())

        stop()
        truth.until(lambda: has(1))
    app.store.close()
