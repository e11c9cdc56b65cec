"""Contract tests for consumers: recordings as test items, and the real service as a fixture."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from app.config import PREFIX
from app.parity import recording
from app.parity.client import NoAnswerError, Service
from app.parity.curl import curl
from app.parity.difference import Difference
from app.parity.explain import HEADERS
from app.parity.outcome import Outcome, Replay
from app.parity.recording import Recording
from app.parity.report import window

RECORDINGS = Path(__file__).parent / "recordings" / "recordings.jsonl"
"""1,801 answers of a real Web API; ``processes.jsonl`` beside it is what its store held."""

StartService = Callable[..., str]
"""Starts the service with processes and settings, and returns its base URL."""

_START_SECONDS = 30
# A test's own folder stays off the path: it may hold another package called app.
_COMMAND = (sys.executable, "-P", "-m", "app")


class ContractError(Exception):
    """An answer is not the recorded one."""


class ContractItem(pytest.Item):
    """Holds a deployment to one recording."""

    def __init__(
        self, *, recorded: Recording, replay: Replay, service: Service, **options: Any
    ) -> None:
        super().__init__(**options)
        self._recorded = recorded
        self._replay = replay
        self._service = service

    def runtest(self) -> None:
        """Ask, and compare byte for byte. Raises ContractError."""
        try:
            outcome = self._replay(self._recorded)
        except NoAnswerError as error:
            raise ContractError(str(error)) from None
        if outcome.differences:
            raise ContractError(self._explained(outcome))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show what differs, not where in this file."""
        if isinstance(excinfo.value, ContractError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the recording."""
        return self.path, self._recorded.id, self.name

    def _explained(self, outcome: Outcome) -> str:
        shown = map(_shown, outcome.differences)
        return "\n".join([*shown, curl(outcome.request, str(self._service))])


class Contract(pytest.Collector):
    """The recordings that a deployment is held to."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each recording."""
        detail = self.config.getoption("--contract-error-detail")
        service = Service(self.config.getoption("--contract-url"))
        self.config.add_cleanup(service.close)
        replay = Replay(service, HEADERS)
        for item in recording.read(self.path):
            request = item.request
            made = ContractItem.from_parent(
                self,
                name=f"{item.id} {request.method} {request.target}",
                recorded=item,
                replay=replay,
                service=service,
            )
            unfit = item.unfit(detail)
            if unfit is not None:
                made.add_marker(pytest.mark.skip(reason=unfit))
            yield made


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("chargecloud", "contract tests against a deployment")
    group.addoption(
        "--contract-url", metavar="URL", type=_url, help="hold this service to recordings"
    )
    group.addoption(
        "--contract-recordings",
        metavar="FILE",
        type=Path,
        default=RECORDINGS,
        help="recordings in place of the legacy service's 1,801",
    )
    group.addoption(
        "--contract-error-detail",
        action="store_true",
        help="the service shows MessageDetail in errors",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a file that is not there."""
    file = config.getoption("--contract-recordings")
    if config.getoption("--contract-url") and not file.is_file():
        raise pytest.UsageError(f"--contract-recordings: there is no file {file}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the recordings, before -k and -m choose."""
    if config.getoption("--contract-url") is None:
        return
    path = config.getoption("--contract-recordings").absolute()
    contract: Contract = Contract.from_parent(
        session, name="contract", path=path, nodeid="contract"
    )
    try:
        items.extend(contract.collect())
    except recording.RecordingError as error:
        raise pytest.UsageError(f"--contract-recordings: {error}") from None


@pytest.fixture
def charge_process_service() -> Iterator[StartService]:
    """Start the real service on a free port: ``charge_process_service(processes, **settings)``.

    ``processes`` are JSON objects with ``user_id`` and the members, as ``chargecloud import``
    takes them; settings are those of README in lower case. Returns the base URL; the service
    stops when the test ends.
    """
    with ExitStack() as stack:

        def start(processes: Iterable[Mapping[str, object]] = (), **settings: str) -> str:
            return stack.enter_context(_running(processes, settings))

        yield start


@contextmanager
def _running(
    processes: Iterable[Mapping[str, object]], settings: Mapping[str, str]
) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        env = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
        env[f"{PREFIX}DATABASE_URL"] = f"sqlite:///{folder}/processes.sqlite"
        env |= {f"{PREFIX}{name.upper()}": str(text) for name, text in settings.items()}
        lines = "".join(f"{json.dumps(process)}\n" for process in processes)
        done = subprocess.run(
            [*_COMMAND, "import", "-"],
            input=lines,
            env=env,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.fail(done.stderr.strip(), pytrace=False)
        yield from _serving(env, Path(folder) / "log")


def _serving(env: dict[str, str], log: Path) -> Iterator[str]:
    port = _free_port()
    command = [*_COMMAND, "serve", "--workers", "1", "--bind", f"127.0.0.1:{port}"]
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=env, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(port):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the service did not start:\n{log.read_text()}", pytrace=False)
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(_START_SECONDS)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _shown(difference: Difference) -> str:
    old, new = window(difference.expected, difference.found)
    return f"{difference.kind} at {difference.where}: expected {old}, found {new}"


def _url(text: str) -> str:
    return str(Service(text)) and text
