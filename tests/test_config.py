"""Settings are read once and checked."""

import pytest

from app.config import Settings
from app.errors import ConfigError


def test_nothing_set_gives_the_defaults() -> None:
    """Other variables do not count."""
    assert Settings.from_environ({"PATH": "/bin"}) == Settings()


def test_settings_are_read() -> None:
    """Each has its type."""
    settings = Settings.from_environ(
        {
            "CHARGECLOUD_ERROR_DETAIL": "local",
            "CHARGECLOUD_NO_PROCESS": "404",
            "CHARGECLOUD_PROXY_HOPS": "2",
            "CHARGECLOUD_BASE_PATH": "/ChargeCloudAPI",
            "CHARGECLOUD_DATABASE_URL": "sqlite:////tmp/x.sqlite",
        }
    )

    assert settings == Settings(
        error_detail="local",
        no_process="404",
        proxy_hops=2,
        base_path="/ChargeCloudAPI",
        database_url="sqlite:////tmp/x.sqlite",
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("ERROR_DETAIL", "yes", "must be never, local or always, not 'yes'"),
        ("NO_PROCESS", "500", "must be null, 204 or 404, not '500'"),
        ("PROXY_HOPS", "-1", "must be a number from 0 to 9, not '-1'"),
        ("PROXY_HOPS", "10", "must be a number from 0 to 9, not '10'"),
        ("PROXY_HOPS", "١", "must be a number from 0 to 9"),
        ("BASE_PATH", "", "must be / or a path such as /ChargeCloudAPI"),
        ("BASE_PATH", "api", "must be / or a path"),
        ("BASE_PATH", "/a//b", "must be / or a path"),
        ("BASE_PATH", "/a/", "must be / or a path"),
        ("BASE_PATH", "/a b", "must be / or a path"),
        ("BASE_PATH", "/a/..", "must be / or a path"),
        ("DATABASE_URL", "", "must be the SQLAlchemy URL of a file"),
        ("DATABASE_URL", "store.sqlite", "must be the SQLAlchemy URL of a file"),
        ("DATABASE_URL", "nosuch://h/d", "must be the SQLAlchemy URL of a file"),
        ("DATABASE_URL", "sqlite://", "must be the SQLAlchemy URL of a file"),
        ("DATABASE_URL", "sqlite://u:secret@h/x", "store.sqlite$"),
        ("DATABASE_URL", "mysql+pymysql://h/d", "or mssql.pymssql://, not mysql.pymysql://$"),
        ("DATABASE_URL", "oracle://h/d", "must begin with sqlite://, postgresql:// or mssql"),
        ("DATABASE_URL", "mssql://h/d", "or mssql.pymssql://, not mssql://$"),
        ("DATABASE_URL", "postgresql+psycopg2://h/d", "must begin with sqlite://"),
        ("NOPE", "1", "is not a setting; there are: CHARGECLOUD_DATABASE_URL, "),
        ("NOPE", "1", "CHARGECLOUD_DATABASE_URL_FILE, CHARGECLOUD_JWT_JWKS_FILE$"),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(name: str, text: str, said: str) -> None:
    """One line says which and why."""
    with pytest.raises(ConfigError, match=f"^CHARGECLOUD_{name} .*{said}") as raised:
        Settings.from_environ({f"CHARGECLOUD_{name}": text})

    assert "\n" not in str(raised.value)
