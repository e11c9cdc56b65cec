"""The installed package's plugin in somebody else's project."""

import re
import subprocess
import sys
import sysconfig
import threading
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import truth

_ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with what the wheel installs, and its site-packages."""
    target = tmp_path_factory.mktemp("installed")
    venv.create(target, symlinks=True)
    paths = {"base": str(target), "platbase": str(target)}
    packages = Path(sysconfig.get_path("purelib", vars=paths))
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    # What chargecloud needs comes from this environment.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return packages


def _python(installed: Path) -> str:
    return str(installed.parents[2] / "bin" / "python")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A consumer's own small project, whose package is called app too."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("NAME = 'the consumer\\'s'\n", encoding="utf-8")
    (tmp_path / "test_app.py").write_text(_CONSUMER, encoding="utf-8")
    return tmp_path


_CONSUMER = '''"""A partner's tests."""

import json
import urllib.request

import app


def test_the_own_package_is_imported():
    assert app.NAME == "the consumer's"


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
    """Run the consumer's tests as the consumer does: with their folder on the path."""
    env = {**env, "PYTHONPATH": str(project)}
    # Below tox, pytest would keep what failed in tox's folder, for all consumers together.
    command = [
        _python(installed),
        "-m",
        "pytest",
        "-q",
        "-o",
        "cache_dir=.pytest_cache",
        *arguments,
    ]
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)


def test_a_consumer_starts_the_real_service(
    project: Path, installed: Path, clean_env: dict[str, str]
) -> None:
    """The fixture gives the address of a service with the given processes and settings."""
    done = _pytest(project, installed, clean_env)

    assert "3 passed" in done.stdout, done.stdout
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


@pytest.mark.parametrize("arguments", [["-k", "204 or 205"], ["-n2", "-k", "204 or 205"]])
def test_recordings_are_chosen_and_spread_as_other_tests(
    project: Path,
    installed: Path,
    clean_env: dict[str, str],
    database_url: str,
    arguments: list[str],
) -> None:
    """By -k and xdist; --lf runs what failed."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "app", "serve", "--bind", f"127.0.0.1:{port}"]
    options = ["--contract-url", f"http://127.0.0.1:{port}", *arguments]
    with truth.running(command, port, env):
        done = _pytest(project, installed, clean_env, *options)

    assert re.search(r"\d passed", done.stdout), done.stdout
    assert done.returncode == 0


def test_what_failed_runs_again(
    project: Path, installed: Path, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """--lf selects the recordings that differed."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite"}
    command = [sys.executable, "-m", "app", "serve", "--bind", f"127.0.0.1:{port}"]
    options = ["--contract-url", f"http://127.0.0.1:{port}"]
    with truth.running(command, port, env):
        first = _pytest(project, installed, clean_env, *options, "-k", "20 and GET")
        again = _pytest(project, installed, clean_env, *options, "--lf")

    (failed,) = re.findall(r"(\d+) failed", first.stdout)
    assert f"{failed} failed" in again.stdout
    assert "passed" not in again.stdout


def test_a_refused_url_ends_the_run_with_one_error(
    project: Path, installed: Path, clean_env: dict[str, str]
) -> None:
    """Nothing listens there."""
    done = _pytest(project, installed, clean_env, "--contract-url", "http://127.0.0.1:9")

    assert done.stderr.count("--contract-url: http://127.0.0.1:9") == 1
    assert done.returncode == 4


@pytest.mark.parametrize("answered", [0, 5], ids=["never", "at first"])
def test_a_hanging_url_ends_the_run_with_one_error(
    project: Path, installed: Path, clean_env: dict[str, str], answered: int
) -> None:
    """After the timeout; if it hangs in the middle, after three timeouts in a row."""
    with _hanging(answered) as port:
        options = ["--contract-url", f"http://127.0.0.1:{port}", "--contract-timeout", "0.5"]
        done = _pytest(project, installed, clean_env, *options)

    said = done.stdout + done.stderr
    assert said.count("--contract-url: ") == 1, said
    assert done.returncode in (1, 4)


@contextmanager
def _hanging(answered: int) -> Iterator[int]:
    """A server that answers so many requests with a 404 and then nothing."""
    left = answered

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                stopped.wait(20)
                return
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    stopped = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            stopped.set()
            server.shutdown()
            thread.join()
