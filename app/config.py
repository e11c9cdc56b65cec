"""Settings, read once from CHARGECLOUD_* and checked."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from app.errors import ConfigError, missing

PREFIX = "CHARGECLOUD_"
_SECRET = re.compile(r"pass|pwd|secret|token|credential|api_?key|odbc_connect", re.I)
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signature algorithms, all asymmetric: a key that verifies a token can't sign one."""


class _ValueRefusedError(ValueError):
    """Why a value can't be used; other errors may quote a secret."""


def _setting(
    default: Any, read: Callable[[str], Any], allowed: str, show: Callable[[Any], str] | None = None
) -> Any:
    """Declare a setting: how its text is read, and the message if that raises ValueError.

    A secret comes with ``show``, which masks it; ``<NAME>_FILE`` may name a file that holds it.
    """
    return field(default=default, metadata={"read": read, "allowed": allowed, "show": show})


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


def _text(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError
    return text


def _path(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError
    return _text(text)


def _key_set(text: str) -> str:
    """Keys come encrypted, or from this machine."""
    if "://" not in text:
        return _path(text)
    parts = urlsplit(text)
    is_local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not (parts.hostname and (parts.scheme == "https" or is_local)) or " " in text:
        raise ValueError
    # The port is read for its ValueError; a stray @ would hide what is the host.
    if parts.port == 0 or text.count("@") > ("@" in parts.netloc):
        raise ValueError
    return _text(text)


def _host_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(","))
    if not all(re.fullmatch(r"\.?[a-z0-9_-][a-z0-9._-]*|\[[0-9a-f:.]+\]", name) for name in names):
        raise ValueError
    return names


def _algorithms(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not set(names) <= set(ALGORITHMS):
        raise ValueError
    return names


def _metrics(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text not in ("off", "on") and not (host and _number(1, 65535)(port)):
        raise ValueError
    return text


def _base_path(text: str) -> str:
    names = text.split("/")[1:]
    if (
        not text.startswith("/")
        or not (text.isascii() and text.isprintable())
        or set(text) & set(' %?#"\\')
    ):
        raise ValueError
    if text != "/" and any(name in ("", ".", "..") for name in names):
        raise ValueError
    return text


_DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg", "mssql": "pymssql"}


def _database_url(text: str) -> str:
    try:
        url = make_url(text)
        dialect = url.get_dialect()
        known = _DRIVERS.get(url.get_backend_name()) == url.get_driver_name()
        if known:
            dialect().create_connect_args(url)
            dialect.import_dbapi()
    except ImportError as error:
        raise _ValueRefusedError(missing(error)) from None
    except (SQLAlchemyError, ValueError):
        raise ValueError from None
    if not known:
        allowed = "sqlite://, postgresql:// or mssql+pymssql://"
        raise _ValueRefusedError(f"must begin with {allowed}, not {url.drivername}://")
    if url.password is not None and text.partition("://")[2].partition(":")[2].count("@") > 1:
        raise _ValueRefusedError(
            "must have one @ only, before the host: write each other one as %40"
        )
    # Each thread would have a store of its own.
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError
    return text


def masked_url(url: str | URL) -> str:
    """Return a SQLAlchemy URL with ``***`` for its password and for each secret option."""
    parsed = make_url(url)
    query = {name: "***" if _SECRET.search(name) else value for name, value in parsed.query.items()}
    shown = parsed.set(query=query).render_as_string(hide_password=True)
    return shown.replace("%2A%2A%2A", "***")


def masked_place(place: str) -> str:
    """Return a path as it is, and a URL with ``***`` for its user, its query and its fragment."""
    if "://" not in place:
        return place
    parts = urlsplit(place)
    _, at, host = parts.netloc.rpartition("@")
    shown = parts._replace(
        netloc=f"***@{host}" if at else host,
        query=parts.query and "***",
        fragment=parts.fragment and "***",
    )
    return shown.geturl()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may set; each field is the setting ``CHARGECLOUD_<NAME>``."""

    database_url: str | None = _setting(
        None,
        _database_url,
        "the SQLAlchemy URL of a file or a server, such as postgresql://db.example/charges"
        " or sqlite:////var/lib/store.sqlite",
        show=masked_url,
    )
    database_timeout: int = _setting(5, _number(2, 60), "seconds, from 2 to 60")
    status_query: str | None = _setting(
        None, _text, "a file of SQL with :user_id, or a folder of such files"
    )
    utc_dates: str = _setting("offset", _one_of("offset", "Z"), "offset or Z")
    error_detail: str = _setting(
        "never", _one_of("never", "local", "always"), "never, local or always"
    )
    no_process: str = _setting("null", _one_of("null", "204", "404"), "null, 204 or 404")
    proxy_hops: int = _setting(0, _number(0, 9), "a number from 0 to 9")
    base_path: str = _setting("/", _base_path, "/ or a path such as /ChargeCloudAPI")
    help_page: bool = _setting(True, _on, "on or off")
    log_format: str = _setting("auto", _one_of("auto", "json", "text"), "auto, json or text")
    log_requests: bool = _setting(True, _on, "on or off")
    log_user_id: bool = _setting(False, _on, "on or off")
    metrics: str = _setting("off", _metrics, "off, on or HOST:PORT")
    allowed_hosts: tuple[str, ...] = _setting(
        (), _host_names, "host names separated by commas, such as api.example,.charge.example"
    )
    api_keys_file: str | None = _setting(None, _path, "an absolute path")
    jwt_jwks: str | None = _setting(
        None,
        _key_set,
        "an absolute path, an https URL, or an http URL of this machine",
        show=masked_place,
    )
    jwt_issuer: str | None = _setting(None, _text, "one line of text")
    jwt_audience: str | None = _setting(None, _text, "one line of text")
    jwt_algorithms: tuple[str, ...] = _setting(
        ("RS256",), _algorithms, f"some of {','.join(ALGORITHMS)}"
    )
    jwt_user_claim: str = _setting("user_id", _text, "one line of text")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read all settings; raises ConfigError for an unknown name or a bad value."""
        known = {PREFIX + item.name.upper(): item for item in fields(cls)}
        given = _with_files(environ)
        for name in sorted(given.keys() - known.keys()):
            files = (f"{PREFIX}{secret}_FILE" for secret in secrets())
            raise ConfigError(f"{name} is not a setting; there are: {', '.join([*known, *files])}")
        return cls(
            **{known[name].name: _read(known[name], name, text) for name, text in given.items()}
        )

    def masked(self) -> dict[str, str]:
        """Return each setting's name and its value, as it may be shown."""
        return {item.name.upper(): _shown(item, getattr(self, item.name)) for item in fields(self)}


def secrets() -> list[str]:
    """Return the names of the settings that a file may hold, whose name is in ``NAME_FILE``."""
    return [item.name.upper() for item in fields(Settings) if item.metadata["show"]]


def _with_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what is set; for a secret, the file that ``<NAME>_FILE`` names wins over ``<NAME>``.

    So it replaces what an image or a unit sets for all.
    """
    given = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
    for name in (PREFIX + secret for secret in secrets()):
        file = given.pop(f"{name}_FILE", None)
        if file is None:
            continue
        try:
            given[name] = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ConfigError(
                f"{name}_FILE must be a readable file, not {file!r}: {reason}"
            ) from None
    return given


def _shown(item: Any, value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(value)
    show = item.metadata["show"] or str
    return str(show(value))


def _read(item: Any, name: str, text: str) -> Any:
    try:
        return item.metadata["read"](text)
    except _ValueRefusedError as error:
        raise ConfigError(f"{name} {error}") from None
    except ValueError:
        allowed = f"must be {item.metadata['allowed']}"
        # A secret that can't be read is a secret still.
        said = allowed if item.metadata["show"] else f"{allowed}, not {text!r}"
        raise ConfigError(f"{name} {said}") from None
