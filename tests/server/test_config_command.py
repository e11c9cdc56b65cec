"""The config command, and secrets on their way into the settings."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config import Settings, masked_place, masked_url
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


_PLACES = {
    "DATABASE_URL": "postgresql://user:{}@db.example/charges?application_name=a",
    "JWT_JWKS": "https://user:{}@login.example/keys",
}


@pytest.mark.parametrize(("name", "url"), _PLACES.items())
@given(marks=st.lists(st.sampled_from("@:/?#%&= [];,\\"), max_size=4))
def test_no_part_of_a_password_is_shown_whatever_is_in_it(
    name: str, url: str, marks: list[str]
) -> None:
    """It is masked, or the setting is refused without being repeated."""
    password = "hunter" + "".join(f"{mark}hunter" for mark in marks)
    try:
        shown = str(Settings.from_environ({f"CHARGECLOUD_{name}": url.format(password)}).masked())
    except ConfigError as error:
        shown = str(error)

    assert "hunter" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:a@b@db.example/charges",
        "postgresql://user:a@b/c@db.example/charges",
        "postgresql://user:a@b?c@db.example/charges",
    ],
)
def test_an_at_sign_in_a_password_is_written_escaped(url: str) -> None:
    """What follows it would be taken for the host and shown."""
    with pytest.raises(ConfigError, match=r"write each other one as %40$"):
        Settings.from_environ({"CHARGECLOUD_DATABASE_URL": url})


def test_a_user_with_an_at_sign_is_none_of_a_password() -> None:
    """Some hosted databases have such users."""
    url = "postgresql://user@server:hunter2@db.example/charges"

    masked = Settings.from_environ({"CHARGECLOUD_DATABASE_URL": url}).masked()["DATABASE_URL"]

    assert masked == "postgresql://user%40server:***@db.example/charges"


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("/etc/chargecloud/jwks.json", "/etc/chargecloud/jwks.json"),
        ("https://login.example/keys", "https://login.example/keys"),
        (
            "https://u:p@login.example:8443/keys?code=a#b",
            "https://***@login.example:8443/keys?***#***",
        ),
        ("https://token@login.example/keys", "https://***@login.example/keys"),
    ],
)
def test_a_key_sets_url_is_shown_without_what_may_be_secret(place: str, shown: str) -> None:
    """Its user, its query and its fragment."""
    assert masked_place(place) == shown


@pytest.mark.parametrize(
    "place",
    [
        "http://login.example/keys",
        "http://localhost:x@login.example/keys",
        "http://127.0.0.1:80@login.example/keys",
        "http://localhost.login.example/keys",
        "https://",
        "https:///keys",
        "https://login.example:99999/keys",
        "https://login.example/a b",
        "https://login.example/a@b",
        "file:///etc/keys",
        "keys.json",
    ],
)
def test_keys_come_encrypted_or_from_this_machine(place: str) -> None:
    """Whatever a URL begins with."""
    with pytest.raises(
        ConfigError,
        match=r"must be an absolute path, an https URL, or an http URL of this machine$",
    ):
        Settings.from_environ({"CHARGECLOUD_JWT_JWKS": place})


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


def test_config_prints_the_default_store(clean_env: dict[str, str]) -> None:
    """A command uses another one than an installed service, unless it has the same settings."""
    done = _config({k: v for k, v in clean_env.items() if k != "CHARGECLOUD_DATABASE_URL"})

    store = ROOT / ".instance" / "chargecloud.sqlite"
    assert f"  CHARGECLOUD_DATABASE_URL=sqlite:///{store}\n" in done.stdout


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    """White space around it, such as an editor's line break, is not part of it."""
    file = tmp_path / "url"
    file.write_text("sqlite:////tmp/x.sqlite\n")

    settings = Settings.from_environ({"CHARGECLOUD_DATABASE_URL_FILE": str(file)})

    assert settings.database_url == "sqlite:////tmp/x.sqlite"


def test_a_secrets_file_replaces_the_setting(tmp_path: Path) -> None:
    """The printed unit and image set one for all."""
    file = tmp_path / "url"
    file.write_text("postgresql://database/charges")
    environ = {"CHARGECLOUD_DATABASE_URL": "sqlite://", "CHARGECLOUD_DATABASE_URL_FILE": str(file)}

    assert Settings.from_environ(environ).database_url == "postgresql://database/charges"


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
