"""Switches metrics on: nothing of it is imported or called unless METRICS says so."""

import atexit
import os
import shutil
import tempfile
from importlib import import_module
from typing import Any

from app.errors import ConfigError, missing
from app.host.application import WebApi

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def install(app: WebApi) -> None:
    """Measure requests and store, and declare /metrics, as the settings ask. Raises ConfigError."""
    if app.settings.metrics != "off":
        _module().install(app, with_route=app.settings.metrics == "on")


def separate(app: WebApi) -> None:
    """Answer /metrics on an address of its own, where METRICS names one, and nothing else there."""
    if ":" in app.settings.metrics:
        port = app.settings.metrics.rpartition(":")[2]
        app.wsgi_app = _module().Address(app.wsgi_app, port)  # type: ignore[method-assign]


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
