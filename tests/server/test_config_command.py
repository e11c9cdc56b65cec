"""The config command, and secrets on their way into the settings."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.config import Settings, masked_url
from app.errors import ConfigError
from tests.conftest import ROOT

URL = "postgresql://user:hunter2@db.example/charges?sslpassword=hunter3&application_name=a"


def _config(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "config"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


def test_every_secret_in_a_url_is_masked() -> None:
    """The password and secret options give way to stars; the rest is shown."""
    assert masked_url(URL) == (
        "postgresql://user:***@db.example/charges?application_name=a&sslpassword=***"
    )


def test_config_prints_the_effective_settings_masked(
    clean_env: dict[str, str], tmp_path: Path
) -> None:
    """A secret from a file is in force, marked as set, and not shown."""
    file = tmp_path / "url"
    file.write_text("sqlite:////tmp/x.sqlite?token=hunter2\n")

    done = _config({**clean_env, "CHARGECLOUD_DATABASE_URL_FILE": str(file)})

    assert done.returncode == 0
    assert "* CHARGECLOUD_DATABASE_URL=sqlite:////tmp/x.sqlite?token=***\n" in done.stdout
    assert "  CHARGECLOUD_LOG_FORMAT=auto\n" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    """White space around it, such as an editor's line break, is not part of it."""
    file = tmp_path / "url"
    file.write_text("sqlite:////tmp/x.sqlite\n")

    settings = Settings.from_environ({"CHARGECLOUD_DATABASE_URL_FILE": str(file)})

    assert settings.database_url == "sqlite:////tmp/x.sqlite"


def test_a_secret_set_twice_is_refused() -> None:
    """Neither of the two is preferred silently."""
    environ = {"CHARGECLOUD_DATABASE_URL": "sqlite://", "CHARGECLOUD_DATABASE_URL_FILE": "/x"}

    with pytest.raises(ConfigError, match="are both set"):
        Settings.from_environ(environ)


def test_a_secret_file_that_cannot_be_read_is_named() -> None:
    """The message has the setting, the file and the reason."""
    with pytest.raises(ConfigError, match=r"DATABASE_URL_FILE .*'/no/such/file': No such file"):
        Settings.from_environ({"CHARGECLOUD_DATABASE_URL_FILE": "/no/such/file"})


def test_only_secrets_come_from_files() -> None:
    """A file for another setting is an unknown name."""
    with pytest.raises(ConfigError, match="CHARGECLOUD_BASE_PATH_FILE is not a setting"):
        Settings.from_environ({"CHARGECLOUD_BASE_PATH_FILE": "/x"})


def test_a_bad_secret_is_not_repeated(clean_env: dict[str, str]) -> None:
    """What is wrong with the URL is said without the URL, in one line."""
    done = _config({**clean_env, "CHARGECLOUD_DATABASE_URL": "nosql://user:hunter2@db"})

    assert done.returncode == 2
    assert done.stderr.startswith(
        "chargecloud: CHARGECLOUD_DATABASE_URL must be the SQLAlchemy URL"
    )
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stdout + done.stderr
