"""gunicorn's hooks: what is said at start and stop."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from app.config import Settings


def when_ready(server: Any) -> None:
    """Say which version listens where, with which settings."""
    shown = Settings.from_environ().masked()
    members = {"version": program_version(), "settings": shown}
    server.log.info(
        "chargecloud serves at %s",
        ", ".join(str(listener) for listener in server.LISTENERS),
        extra={"members": members},
    )


def on_exit(server: Any) -> None:
    """Say that the service has stopped."""
    server.log.info("chargecloud stopped", extra={"members": {"version": program_version()}})


def program_version() -> str:
    """Return the installed version, ``unknown`` in a checkout that was not installed."""
    try:
        return version("chargecloud")
    except PackageNotFoundError:
        return "unknown"
