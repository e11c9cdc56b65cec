"""What a server says at its start and at its end."""

from typing import Any

import app
from app.config import Settings


def started(log: Any, where: str) -> None:
    """Say which version listens where, with which settings; ``log`` has a logger's methods."""
    members = {"version": app.__version__, "settings": Settings.from_environ().masked()}
    log.info("chargecloud serves at %s", where, extra={"members": members})


def stopped(log: Any) -> None:
    """Say that the service has stopped."""
    log.info("chargecloud stopped", extra={"members": {"version": app.__version__}})
