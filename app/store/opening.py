"""Which store the settings mean."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import make_url

from app.config import PREFIX, Settings
from app.errors import ConfigError
from app.store.legacy import LegacyStore
from app.store.status_query import read_query
from app.store.store import Store
from schemas.resource import Resource

_OWN = ("sqlite", "postgresql")
"""The databases that can hold the service's own tables."""


def open_store(settings: Settings, resources: Sequence[Resource], instance_path: str) -> Store:
    """Return the store of some resources.

    Connects to nothing. Without a URL it is the embedded one, a file in the instance folder.
    Raises ConfigError for settings that don't go together.
    """
    url = settings.database_url
    if settings.status_query is not None:
        return _legacy(settings, resources, Path(settings.status_query))
    if url is not None and make_url(url).get_backend_name() not in _OWN:
        raise ConfigError(
            f"{PREFIX}DATABASE_URL must begin with {' or '.join(f'{name}://' for name in _OWN)}"
            f" unless {PREFIX}STATUS_QUERY is set"
        )
    if url is not None:
        return Store(url, resources, settings.database_timeout)
    own = f"sqlite:///{Path(instance_path) / 'chargecloud.sqlite'}"
    return Store(own, resources, settings.database_timeout, with_folder=True)


def _legacy(settings: Settings, resources: Sequence[Resource], path: Path) -> LegacyStore:
    """Read a legacy database by a file of SQL, or by a folder with one for each contract."""
    url = settings.database_url
    if url is None:
        raise ConfigError(f"{PREFIX}STATUS_QUERY needs {PREFIX}DATABASE_URL, the database to query")
    files = {each: path / f"{each.contract.name()}.sql" for each in resources}
    if not path.is_dir():
        if len(resources) > 1:
            names = ", ".join(file.name for file in files.values())
            raise ConfigError(f"{PREFIX}STATUS_QUERY must be a folder with {names}")
        files = dict.fromkeys(resources, path)
    try:
        queries = {each: read_query(str(file), each.asked_by) for each, file in files.items()}
        return LegacyStore(url, queries, settings.utc_dates == "Z", settings.database_timeout)
    except ValueError as error:
        raise ConfigError(f"{PREFIX}STATUS_QUERY {error}") from None
