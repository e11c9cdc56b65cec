"""API keys and the commands that manage them."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from app.host.access import key_file
from app.host.access.api_keys import ApiKeys, KeyFileError
from app.host.application import WebApi
from tests import truth
from tests.conftest import ROOT

STATUS = "/ChargeProcess/Status?user_id=1"
HOST = ("Host", "a")


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    """An empty file of keys."""
    return ApiKeys(str(tmp_path / "keys"))


def _keys(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "keys", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


def test_the_commands_make_list_and_revoke_a_key(
    make_app: Callable[..., WebApi], clean_env: dict[str, str], tmp_path: Path
) -> None:
    """A running service takes a new key at once and refuses it once it is revoked."""
    path = str(tmp_path / "keys")
    env = {**clean_env, "CHARGECLOUD_API_KEYS_FILE": path}
    app = make_app(api_keys_file=path)

    key = _keys(env, "add", "billing").stdout.strip()

    assert len(key) == 43
    assert key not in Path(path).read_text()
    assert _keys(env, "list").stdout.startswith("billing\t20")
    assert truth.call(app, STATUS, [HOST, ("X-API-Key", key)]).status == 200
    assert _keys(env, "revoke", "billing").returncode == 0
    assert truth.call(app, STATUS, [HOST, ("X-API-Key", key)]).status == 401
    assert _keys(env, "list").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "a b"], "a name has 1 to 64 of A-Z a-z 0-9 . _ -, unlike 'a b'"),
        (["revoke", "nobody"], "there is no key nobody"),
    ],
)
def test_a_wrong_name_is_one_line(
    clean_env: dict[str, str], tmp_path: Path, arguments: list[str], said: str
) -> None:
    """Exit code 1, and what is wrong."""
    done = _keys({**clean_env, "CHARGECLOUD_API_KEYS_FILE": str(tmp_path / "keys")}, *arguments)

    assert (done.returncode, done.stderr) == (1, f"chargecloud: {said}\n")


def test_keys_need_their_setting(clean_env: dict[str, str]) -> None:
    """Without a file there is nothing to manage."""
    done = _keys(clean_env, "list")

    assert done.returncode == 2
    assert "CHARGECLOUD_API_KEYS_FILE is not set" in done.stderr


@pytest.mark.parametrize("change", [lambda k: k[:-1], str.lower, lambda k: k + " ", lambda k: ""])
def test_only_the_whole_key_is_known(keys: ApiKeys, change: Callable[[str], str]) -> None:
    """Nothing near it is."""
    key = "Ab" * 20
    keys.path.write_text(f"a sha256:{sha256(key.encode()).hexdigest()} 2026-01-01\n")

    assert keys.owner(key) == "a"
    assert keys.owner(change(key)) is None


def test_a_name_is_given_once(keys: ApiKeys) -> None:
    """A second key of the name would hide which one is meant."""
    key_file.add(str(keys.path), "a")

    with pytest.raises(KeyFileError, match="there is a key a already"):
        key_file.add(str(keys.path), "a")


def test_the_file_is_for_its_owner_and_keeps_its_mode(keys: ApiKeys) -> None:
    """A new file is private; an operator's own mode survives changes."""
    key_file.add(str(keys.path), "a")
    made = stat.S_IMODE(keys.path.stat().st_mode)
    os.chmod(keys.path, 0o640)
    key_file.add(str(keys.path), "b")

    assert made == 0o600
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o640


@pytest.mark.parametrize("line", ["a", "a md5:00 2026-01-01", "x" * 500])
def test_a_damaged_file_opens_nothing(
    make_app: Callable[..., WebApi], keys: ApiKeys, line: str
) -> None:
    """No key is known while a line can't be read: 401, not 500."""
    app = make_app(api_keys_file=str(keys.path))
    sent = [HOST, ("X-API-Key", key_file.add(str(keys.path), "a"))]
    before = truth.call(app, STATUS, sent).status

    keys.path.write_text(keys.path.read_text() + line + "\n")

    assert (before, truth.call(app, STATUS, sent).status) == (200, 401)


@pytest.mark.parametrize("output", ["> /dev/full", ">&-"])
def test_a_key_that_cannot_be_shown_is_revoked(
    output: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Nobody would know it, and its name would be taken."""
    env = {**clean_env, "CHARGECLOUD_API_KEYS_FILE": str(tmp_path / "keys")}
    command = f"{sys.executable} -m app keys add billing {output}"

    done = subprocess.run(command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True)

    assert done.returncode == 1
    assert "the key can't be written to standard output: " in done.stderr
    assert done.stderr.count("\n") == 1
    assert _keys(env, "list").stdout == ""
    assert _keys(env, "add", "billing").returncode == 0
