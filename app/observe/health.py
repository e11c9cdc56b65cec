"""/healthz and /readyz: whether the process lives, and whether it can answer."""

import json
from threading import Lock
from time import monotonic

from flask import Response

from app.errors import StoreError
from app.host.application import WebApi
from app.store.store import Store

SECONDS = 1
"""How long the store may take to be called ready."""
_FRESH_SECONDS = 0.25


def register(app: WebApi, store: Store) -> None:
    """Declare the two routes; probes reach them whatever Host and key they send.

    Args:
        app: the application.
        store: the application's store once more, with a timeout of ``SECONDS``.
    """
    app.open_endpoints |= {"healthz", "readyz"}

    @app.get("/healthz", exact=True)
    def healthz() -> Response:
        """Say that the process answers; touches nothing else."""
        return _answer(200, {"status": "ok"})

    probe = _Probe(store)

    @app.get("/readyz", exact=True)
    def readyz() -> Response:
        """Say whether the store is reachable within a second and has the right schema."""
        checks = {"store": probe(), **{name: check() for name, check in app.checks.items()}}
        failed = {name: reason for name, reason in checks.items() if reason is not None}
        for reason in failed.values():
            app.logger.error("not ready: %s", reason)
        # The reason names hosts and files: it is for the log, not for clients.
        states = {name: "failed" if name in failed else "ok" for name in checks}
        state = "failed" if failed else "ok"
        return _answer(503 if failed else 200, {"status": state, "checks": states})


def _answer(status: int, value: object) -> Response:
    return Response(json.dumps(value) + "\n", status, content_type="application/json")


class _Probe:
    """Asks the store a few times a second, however often it is called itself."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._due = 0.0
        self._failed: str | None = None

    def __call__(self) -> str | None:
        """Return why the last question failed, ``None`` if it was answered."""
        first = not self._due
        # While one thread checks, the others return the last result, if there is one.
        if monotonic() >= self._due and self._lock.acquire(blocking=first):
            try:
                if monotonic() >= self._due:
                    self._failed = self._ask()
                    self._due = monotonic() + _FRESH_SECONDS
            finally:
                self._lock.release()
        return self._failed

    def _ask(self) -> str | None:
        try:
            # The service's own statements: they fail for a wrong schema too.
            for resource in self._store.tables:
                self._store.latest(resource, 0)
        except StoreError as error:
            return str(error)
        finally:
            self._store.close()
        return None
