"""Settings, read once from CHARGECLOUD_* and checked."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

PREFIX = "CHARGECLOUD_"


class ConfigError(Exception):
    """A setting that can't be used; the message names it and says what is allowed."""


def _setting(default: Any, read: Callable[[str], Any], allowed: str) -> Any:
    """Declare a setting: how its text is read, and what is said when that raises ValueError."""
    return field(default=default, metadata={"read": read, "allowed": allowed})


def _one_of(*names: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError
        return text

    return read


def _number(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and lowest <= int(text) <= highest):
            raise ValueError
        return int(text)

    return read


def _on(text: str) -> bool:
    return _one_of("on", "off")(text) == "on"


def _base_path(text: str) -> str:
    names = text.split("/")[1:]
    if not text.startswith("/") or not text.isascii() or set(text) & set(" %?#\\"):
        raise ValueError
    if text != "/" and any(name in ("", ".", "..") for name in names):
        raise ValueError
    return text


def _database_url(text: str) -> str:
    try:
        url = make_url(text)
        dialect = url.get_dialect()
        dialect().create_connect_args(url)
        dialect.import_dbapi()
    except ImportError as error:
        raise ValueError(f"needs the package {error.name}") from None
    except (SQLAlchemyError, ValueError):
        raise ValueError from None
    # Each thread would have a store of its own.
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError
    return text


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may set; each field is the setting ``CHARGECLOUD_<NAME>``."""

    database_url: str | None = _setting(
        None, _database_url, "the SQLAlchemy URL of a file, such as sqlite:////var/lib/store.sqlite"
    )
    error_detail: str = _setting("never", _one_of("never", "local", "always"), "never|local|always")
    no_process: str = _setting("null", _one_of("null", "204", "404"), "null|204|404")
    proxy_hops: int = _setting(0, _number(0, 9), "a number from 0 to 9")
    base_path: str = _setting("/", _base_path, "/ or a path such as /ChargeCloudAPI")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read all settings; raises ConfigError for an unknown name or a bad value."""
        known = {PREFIX + item.name.upper(): item for item in fields(cls)}
        given = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
        for name in sorted(given.keys() - known.keys()):
            raise ConfigError(f"{name} is not a setting; there are: {', '.join(known)}")
        return cls(
            **{known[name].name: _read(known[name], name, text) for name, text in given.items()}
        )


def _read(item: Any, name: str, text: str) -> Any:
    try:
        return item.metadata["read"](text)
    except ValueError as error:
        reason = str(error) or f"must be {item.metadata['allowed']}, not {_masked(text)!r}"
        raise ConfigError(f"{name} {reason}") from None


def _masked(text: str) -> str:
    """Hide what may be a password in a URL."""
    return re.sub(r"(://[^:@/]*:)[^@]*@", r"\1***@", text)


def embedded_database_url(instance_path: str) -> str:
    """Return the URL of the embedded store: a SQLite file in the instance folder."""
    return f"sqlite:///{Path(instance_path) / 'chargecloud.sqlite'}"
