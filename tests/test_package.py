"""The package as it is installed: whole, with its plugin, in somebody else's project."""

import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests import truth

_ROOT = Path(__file__).parent.parent
_BUILD = "import setuptools; setuptools.setup()"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs."""
    source = tmp_path_factory.mktemp("source")
    for name in ("app", "schemas"):
        shutil.copytree(_ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "README.md", "wsgi.py"):
        shutil.copy(_ROOT / name, source)
    command = [sys.executable, "-W", "ignore", "-c", _BUILD, "-q", "bdist_wheel"]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    target = tmp_path_factory.mktemp("installed")
    (wheel,) = (source / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A consumer's own small project."""
    (tmp_path / "test_app.py").write_text(_CONSUMER, encoding="utf-8")
    return tmp_path


_CONSUMER = '''"""A partner's tests."""

import json
import urllib.request


def test_the_station_is_shown(charge_process_service):
    members = json.loads(PROCESS)
    url = charge_process_service([{**members, "station_name": "North"}])

    target = f"{url}/ChargeProcess/Status?user_id={members['user_id']}"
    with urllib.request.urlopen(target) as answer:
        assert json.load(answer)["station_name"] == "North"


def test_without_a_process(charge_process_service):
    url = charge_process_service(no_process="204")

    with urllib.request.urlopen(f"{url}/ChargeProcess/Status?user_id=1") as answer:
        assert answer.status == 204


PROCESS = r"""PROCESS_LINE"""
'''.replace("PROCESS_LINE", truth.PROCESSES.read_text(encoding="utf-8").partition("\n")[0])


def _pytest(
    project: Path, installed: Path, env: dict[str, str], *arguments: str
) -> "subprocess.CompletedProcess[str]":
    env = {**env, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)


def test_the_data_files_are_installed(installed: Path) -> None:
    """Templates, style and recordings are beside the modules."""
    data = {
        path.relative_to(_ROOT)
        for path in _ROOT.glob("app/**/*")
        if path.is_file() and path.suffix not in (".py", ".pyc", ".md")
    }

    assert data
    assert {path for path in data if not (installed / path).is_file()} == set()


def test_a_consumer_starts_the_real_service(
    project: Path, installed: Path, clean_env: dict[str, str]
) -> None:
    """The fixture gives the address of a service with the given processes and settings."""
    done = _pytest(project, installed, clean_env)

    assert "2 passed" in done.stdout, done.stdout
    assert done.returncode == 0


def test_a_wrong_process_fails_the_consumers_test(
    project: Path, installed: Path, clean_env: dict[str, str]
) -> None:
    """The import's own line says what is wrong with it."""
    consumer = project / "test_app.py"
    text = consumer.read_text(encoding="utf-8")
    consumer.write_text(
        text.replace('"station_name": "North"', '"price": "much"'), encoding="utf-8"
    )

    done = _pytest(project, installed, clean_env, "-k", "station")

    assert "<stdin>:1: price: " in done.stdout
    assert "1 failed" in done.stdout


def test_a_deployment_is_held_to_every_recording(
    project: Path, installed: Path, clean_env: dict[str, str], database_url: str
) -> None:
    """Each recording is an item; those of a failing service, or with details, are skipped."""
    port = truth.free_port()
    command = [sys.executable, "-m", "app", "serve"]
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    with truth.running([*command, "--bind", f"127.0.0.1:{port}"], port, env):
        url = f"http://127.0.0.1:{port}"
        done = _pytest(project, installed, clean_env, "--contract-url", url, "-k", "contract")

    assert "1351 passed, 450 skipped" in done.stdout, done.stdout[-2000:]
    assert done.returncode == 0


def test_a_wrong_answer_fails_its_item(
    project: Path, installed: Path, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """The report names the difference and gives a curl."""
    recordings = tmp_path / "two.jsonl"
    lines = (truth.RECORDINGS / "recordings.jsonl").read_text(encoding="utf-8").splitlines(True)
    recordings.write_text("".join(lines[:2]), encoding="utf-8")
    port = truth.free_port()
    command = [sys.executable, "-m", "app", "serve"]
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite"}
    with truth.running([*command, "--bind", f"127.0.0.1:{port}"], port, env):
        url = f"http://127.0.0.1:{port}"
        options = ("--contract-url", url, "--contract-recordings", str(recordings))
        done = _pytest(project, installed, clean_env, *options, "-k", "contract")

    assert "2 failed" in done.stdout
    assert "nil at body: expected {" in done.stdout
    assert "curl -si -g --path-as-is" in done.stdout


def test_a_missing_file_of_recordings_is_named(
    project: Path, installed: Path, clean_env: dict[str, str]
) -> None:
    """It is a usage error."""
    options = ("--contract-url", "http://127.0.0.1:9", "--contract-recordings", "none.jsonl")

    done = _pytest(project, installed, clean_env, *options)

    assert "there is no file none.jsonl" in done.stderr
    assert done.returncode == 4


def test_tox_wants_the_python_that_the_package_wants() -> None:
    """So an older one is refused before pip looks for what would run on it."""
    config = ConfigParser()
    config.read(_ROOT / "setup.cfg")

    assert config["testenv"]["base_python"] == f"python{config['options']['python_requires']}"
