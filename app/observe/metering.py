"""Switches metrics on: nothing of it is imported or called unless METRICS says so."""

import atexit
import os
import shutil
import tempfile
from functools import partial
from importlib import import_module
from typing import Any

from app.config import Settings
from app.errors import ConfigError, missing
from app.host.application import WebApi
from app.host.environ import Middleware

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def install(app: WebApi) -> None:
    """Measure the store, and declare /metrics, as the settings ask. Raises ConfigError."""
    if app.settings.metrics != "off":
        _module().install(app, with_route=app.settings.metrics == "on")


def meter(settings: Settings) -> list[Middleware]:
    """Return what counts requests and their time, if the settings want that."""
    return [] if settings.metrics == "off" else [_module().Meter]


def separate(settings: Settings) -> list[Middleware]:
    """Return what answers /metrics on an address of its own, if METRICS names one."""
    address = settings.metrics
    return [partial(_module().Address, address=address)] if ":" in address else []


def serve(address: str) -> None:
    """Answer metrics on an address of their own, beside a server that listens on one only."""
    _module().serve(address)


def _module() -> Any:
    """Import the metrics, which look for their folder when they are imported.

    The processes of one service share the folder, by the environment that they inherit.
    """
    if _DIRECTORY not in os.environ:
        os.environ[_DIRECTORY] = tempfile.mkdtemp(prefix="chargecloud-metrics-")
        atexit.register(_remove, os.environ[_DIRECTORY], os.getpid())
    try:
        return import_module("app.observe.metrics")
    except ModuleNotFoundError as error:
        raise ConfigError(f"CHARGECLOUD_METRICS {missing(error)}") from None


def _remove(directory: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
