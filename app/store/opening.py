"""Which store the settings mean."""

from pathlib import Path

from sqlalchemy.engine import make_url

from app.config import PREFIX, Settings
from app.errors import ConfigError
from app.store.legacy import LegacyStore
from app.store.status_query import read_query
from app.store.store import Store

_OWN = ("sqlite", "postgresql")
"""The databases that can hold the service's own tables."""


def open_store(settings: Settings, instance_path: str) -> Store:
    """Return the store; raises ConfigError for settings that don't go together.

    Connects to nothing. Without a URL it is the embedded one, a file in the instance folder.
    """
    url = settings.database_url
    if settings.status_query is not None:
        return _legacy(settings, settings.status_query)
    if url is not None and make_url(url).get_backend_name() not in _OWN:
        raise ConfigError(
            f"{PREFIX}DATABASE_URL must be of {' or '.join(_OWN)} without {PREFIX}STATUS_QUERY"
        )
    url = url or f"sqlite:///{Path(instance_path) / 'chargecloud.sqlite'}"
    return Store(url, settings.database_timeout)


def _legacy(settings: Settings, file: str) -> LegacyStore:
    url = settings.database_url
    if url is None:
        raise ConfigError(f"{PREFIX}STATUS_QUERY needs {PREFIX}DATABASE_URL: where to ask it")
    try:
        query = read_query(file)
        return LegacyStore(url, query, settings.utc_dates == "Z", settings.database_timeout)
    except ValueError as error:
        raise ConfigError(f"{PREFIX}STATUS_QUERY {error}") from None
