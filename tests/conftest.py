"""What tests share: a store with the recorded processes, and applications on it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import settings

from app.config import Settings
from app.factory import create_app
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.host.application import WebApi
from app.store.store import Store
from app.store.transfer import records
from tests import packages, postgres, truth

# A busy machine is slow, which is no failure.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

ROOT = Path(__file__).parent.parent

# A busy machine may take long for one example.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")


def pytest_configure() -> None:
    """Let the tests' servers take Ctrl-C where a shell runs the tests in its background.

    A shell has its background ignore SIGINT, and every process below inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a folder be named for the browser's pictures."""
    parser.addoption(
        "--screenshots", type=Path, metavar="DIR", help="put pictures of the help page there"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped for which of Debian's packages."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = [str(report.longrepr[2]) for report in reports if isinstance(report.longrepr, tuple)]
    for package, count in sorted(packages.skipped(reasons).items()):
        terminalreporter.write_line(f"{count} skipped without Debian's package {package}")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the checkout, with what isn't committed yet."""
    clone = tmp_path_factory.mktemp("clone")
    for name in _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"):
        if os.path.lexists(ROOT / name):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name, follow_symlinks=False)
    _git(clone, "init", "--quiet")
    _git(clone, "add", "--all")
    _git(clone, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "All")
    return clone


def _git(folder: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.PIPE)
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


@pytest.fixture(scope="session")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, ".packaging"], cwd=checkout, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A SQLite store that holds the recorded processes."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'recorded.sqlite'}"
    with truth.PROCESSES.open("rb") as stream:
        Store(url, RESOURCES).replace(
            CHARGE_PROCESS, records.read(stream, "processes.jsonl", CHARGE_PROCESS)
        )
    return url


@pytest.fixture(scope="session")
def broken_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A SQLite store that can't be read: the file is something else."""
    path = tmp_path_factory.mktemp("broken") / "broken.sqlite"
    path.write_bytes(b"this is no database" * 1000)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server."""
    with postgres.server() as uri:
        yield uri


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database of the PostgreSQL server."""
    with postgres.database(postgres_server, "charges") as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def recorded_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A store of each kind that holds the recorded processes."""
    if request.param == "sqlite":
        yield request.getfixturevalue("database_url")
        return
    with postgres.database(request.getfixturevalue("postgres_server"), "recorded") as url:
        with truth.PROCESSES.open("rb") as stream:
            Store(url, RESOURCES).replace(
                CHARGE_PROCESS, records.read(stream, "processes.jsonl", CHARGE_PROCESS)
            )
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    (tmp_path / "empty").mkdir()
    return f"sqlite:///{tmp_path / 'empty' / 'store.sqlite'}"


@pytest.fixture
def make_app(database_url: str) -> Callable[..., WebApi]:
    """Make an application on the recorded processes, with settings."""

    def make(**settings: Any) -> WebApi:
        return create_app(Settings(**{"database_url": database_url, **settings}))

    return make


@pytest.fixture
def clean_env() -> dict[str, str]:
    """The environment without the project's settings."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("CHARGECLOUD_")}
    return {**env, "PYTHONPATH": str(ROOT)}
