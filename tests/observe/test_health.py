"""/healthz and /readyz."""

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.host.application import WebApi
from tests import truth


def test_a_living_process_is_healthy_without_a_store(
    make_app: Callable[..., WebApi], broken_url: str
) -> None:
    """/healthz answers while the store can't be read."""
    answer = truth.call(make_app(database_url=broken_url), "/healthz")

    assert answer.status == 200
    assert json.loads(answer.body) == {"status": "ok"}


def test_a_readable_store_is_ready(make_app: Callable[..., WebApi]) -> None:
    """/readyz answers 200 and each check's state."""
    answer = truth.call(make_app(), "/readyz")

    assert answer.status == 200
    assert json.loads(answer.body) == {"status": "ok", "checks": {"store": "ok"}}


def test_an_unreadable_store_is_not_ready(make_app: Callable[..., WebApi], broken_url: str) -> None:
    """/readyz answers 503 with the failed check, and nothing about where the store is."""
    answer = truth.call(make_app(database_url=broken_url), "/readyz")

    assert answer.status == 503
    assert json.loads(answer.body) == {"status": "failed", "checks": {"store": "failed"}}


def test_a_wrong_schema_is_not_ready(make_app: Callable[..., WebApi], tmp_path: Path) -> None:
    """A table of the right name without the right columns is not ready."""
    path = tmp_path / "wrong.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("create table charge_process (user_id integer)")
    connection.close()

    answer = truth.call(make_app(database_url=f"sqlite:///{path}"), "/readyz")

    assert answer.status == 503


def test_a_store_that_hangs_is_not_ready_within_a_second(
    make_app: Callable[..., WebApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probes get their answer though the store gives none, the second one too."""
    app = make_app()
    monkeypatch.setattr(app.store, "latest", lambda *_: time.sleep(4))

    started = time.monotonic()
    statuses = [truth.call(app, "/readyz").status for _ in range(2)]

    assert statuses == [503, 503]
    assert time.monotonic() - started < 3.5


@pytest.mark.parametrize("target", ["/Healthz", "/HEALTHZ", "/ReadyZ", "/api/healthz"])
def test_probes_take_no_other_case_and_shadow_no_legacy_path(
    make_app: Callable[..., WebApi], target: str
) -> None:
    """Any other spelling is Web API's own 404."""
    answer = truth.call(make_app(), target)

    assert answer.status == 404
    assert b"No HTTP resource was found" in answer.body
