"""A worker has a core of its own, where the system lets it."""

import errno
import os
import sys

import pytest

from app.server import cores


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux pins")
def test_a_system_that_refuses_is_no_reason_not_to_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    """musl has no scheduling classes, and a sandbox may refuse each call."""
    before = os.sched_getaffinity(0)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    for name in ("sched_getscheduler", "sched_setscheduler", "sched_setaffinity"):
        monkeypatch.setattr(os, name, refuse)

    cores.pin(min(before))

    assert cores.cores() == sorted(before)
