"""/healthz and /readyz: whether the process lives, and whether it can answer."""

import json
import threading

from flask import Response

from app.errors import StoreError
from app.host.application import WebApi
from app.store.store import Store

SECONDS = 1.0
"""How long the store may take to be called ready."""


def register(app: WebApi) -> None:
    """Declare the two routes; probes reach them whatever Host and key they send."""
    app.open_endpoints |= {"healthz", "readyz"}

    @app.get("/healthz", exact=True)
    def healthz() -> Response:
        """Say that the process answers; touches nothing else."""
        return _answer(200, {"status": "ok"})

    probe = _Probe(app.store)

    @app.get("/readyz", exact=True)
    def readyz() -> Response:
        """Say whether the store is reachable within a second and has the right schema."""
        checks = {"store": probe(SECONDS), **{name: check() for name, check in app.checks.items()}}
        failed = {name: reason for name, reason in checks.items() if reason is not None}
        for reason in failed.values():
            app.logger.error("not ready: %s", reason)
        # The reason names hosts and files: it is for the log, not for who can ask.
        states = {name: "failed" if name in failed else "ok" for name in checks}
        state = "failed" if failed else "ok"
        return _answer(503 if failed else 200, {"status": state, "checks": states})


def _answer(status: int, value: object) -> Response:
    return Response(json.dumps(value) + "\n", status, content_type="application/json")


class _Probe:
    """Asks a store beside the request that asks for it, at most once at a time.

    A store that hangs would else take one thread after another out of service.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._busy = threading.Lock()

    def __call__(self, seconds: float) -> str | None:
        """Return why the check failed within so many seconds, ``None`` if it passed."""
        if not self._busy.acquire(timeout=seconds):
            return f"an earlier check still waits for the store after {seconds} s"
        found: list[str | None] = []
        thread = threading.Thread(target=self._run, args=(found,), daemon=True)
        thread.start()
        thread.join(seconds)
        return found[0] if found else f"no answer from the store within {seconds} s"

    def _run(self, found: list[str | None]) -> None:
        try:
            # The service's own statements: they fail for a wrong schema too.
            for resource in self._store.tables:
                self._store.latest(resource, 0)
            found.append(None)
        except StoreError as error:
            found.append(str(error))
        finally:
            self._store.close()
            self._busy.release()
