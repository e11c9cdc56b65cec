"""What a server says at its start and at its end."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from app.config import Settings


def started(log: Any, where: str) -> None:
    """Say which version listens where, with which settings; ``log`` has a logger's methods."""
    members = {"version": program_version(), "settings": Settings.from_environ().masked()}
    log.info("chargecloud serves at %s", where, extra={"members": members})


def stopped(log: Any) -> None:
    """Say that the service has stopped."""
    log.info("chargecloud stopped", extra={"members": {"version": program_version()}})


def program_version() -> str:
    """Return the installed version, ``unknown`` in a checkout that was not installed."""
    try:
        return version("chargecloud")
    except PackageNotFoundError:
        return "unknown"
