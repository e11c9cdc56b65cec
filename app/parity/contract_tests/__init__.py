"""Contract tests for consumers: recordings as test items, and the real service as a fixture.

Installed as ``chargecloud_contract_tests``. It imports nothing of chargecloud, whose packages are
called ``app`` and ``schemas``: a consumer may have an ``app`` of its own. The kit and the service
run as commands in Python's isolated mode, which keeps the consumer's folders off their path.
"""

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

StartService = Callable[..., str]
"""Starts the service with processes and settings, and returns its base URL."""

_PREFIX = "CHARGECLOUD_"
_START_SECONDS = 30
_COMMAND = (sys.executable, "-I", "-m", "app")
_KIT = (sys.executable, "-I", "-m", "app.parity.contract_kit")


class ContractError(Exception):
    """An answer is not the recorded one."""


class _Kit:
    """The parity kit, which answers one line for each line that it reads."""

    def __init__(self, config: pytest.Config) -> None:
        options = {
            "url": config.getoption("--contract-url"),
            "recordings": config.getoption("--contract-recordings"),
            "error_detail": config.getoption("--contract-error-detail"),
            "timeout": config.getoption("--contract-timeout"),
        }
        self._process = subprocess.Popen(
            [*_KIT, json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.recordings: list[dict[str, Any]] = self._read()

    def compare(self, number: int) -> str | None:
        """Send the number-th request; return how the answer differs, ``None`` if it is equal."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        found: dict[str, Any] = self._read()
        if found.get("lost"):
            raise pytest.exit.Exception(f"--contract-url: {found['difference']}", returncode=1)
        difference: str | None = found["difference"]
        return difference

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = json.loads(line) if line else {"usage": "the parity kit ended"}
        if "usage" in found:
            self.close()
            raise pytest.UsageError(found["usage"])
        return found.get("recordings", found)


class ContractItem(pytest.Item):
    """Compares a deployment with one recording."""

    def __init__(self, *, kit: _Kit, number: int, **options: Any) -> None:
        super().__init__(**options)
        self._kit = kit
        self._number = number

    def runtest(self) -> None:
        """Send the request, and compare byte for byte. Raises ContractError."""
        difference = self._kit.compare(self._number)
        if difference is not None:
            raise ContractError(difference)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show what differs, not where in this file."""
        if isinstance(excinfo.value, ContractError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the recording."""
        return self.path, self._number, self.name


class Contract(pytest.Collector):
    """The recordings that a deployment is compared with."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each recording."""
        kit = _Kit(self.config)
        self.config.add_cleanup(kit.close)
        for number, found in enumerate(kit.recordings):
            made = ContractItem.from_parent(self, name=found["name"], kit=kit, number=number)
            if found["unfit"] is not None:
                made.add_marker(pytest.mark.skip(reason=found["unfit"]))
            yield made


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("chargecloud", "contract tests against a deployment")
    group.addoption("--contract-url", metavar="URL", help="Compare this service with recordings.")
    group.addoption(
        "--contract-recordings",
        metavar="FILE",
        help="Recordings to use in place of the legacy service's 1,801.",
    )
    group.addoption(
        "--contract-error-detail",
        action="store_true",
        help="Say that the service shows MessageDetail in errors.",
    )
    group.addoption(
        "--contract-timeout",
        metavar="SECONDS",
        type=float,
        default=10.0,
        help="Seconds to wait for an answer (10). After three requests in a row without an"
        " answer the run ends.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the recordings, before -k and --lf choose."""
    if config.getoption("--contract-url") is None:
        return
    contract: Contract = Contract.from_parent(
        session, name="contract", path=config.rootpath, nodeid="contract"
    )
    items.extend(contract.collect())


@pytest.fixture
def charge_process_service() -> Iterator[StartService]:
    """Start the real service on a free port: ``charge_process_service(processes, **settings)``.

    ``processes`` are JSON objects with ``user_id`` and the members, as ``chargecloud import``
    reads them; settings are those of chargecloud in lower case. Returns the base URL; the service
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
        env = {name: text for name, text in os.environ.items() if not name.startswith(_PREFIX)}
        env[f"{_PREFIX}DATABASE_URL"] = f"sqlite:///{folder}/processes.sqlite"
        env |= {f"{_PREFIX}{name.upper()}": str(text) for name, text in settings.items()}
        lines = "".join(f"{json.dumps(process)}\n" for process in processes)
        done = subprocess.run(
            [*_COMMAND, "import", "-"], input=lines, env=env, capture_output=True, text=True
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
