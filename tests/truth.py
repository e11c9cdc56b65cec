"""The captured truth, and ways to get it from a service again."""

import base64
import io
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

RECORDINGS = Path(__file__).parent / "recordings"
PROCESSES = RECORDINGS / "processes.jsonl"
BROKEN_USER = "user_id=2147483000"
"""Stands for a store that can't be read."""

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """A status, headers and a body."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header's value."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Recording:
    """One request to the legacy service and its answer."""

    id: int
    tag: str
    error_detail: bool
    method: str
    target: str
    headers: Headers
    answer: Answer

    @property
    def breaks_store(self) -> bool:
        """Whether the answer is that of a store that can't be read."""
        return BROKEN_USER in self.target


def recordings(file: str = "recordings.jsonl") -> list[Recording]:
    """Read the recordings of a file: these, or the rare inputs of ``edges.jsonl``."""
    with (RECORDINGS / file).open(encoding="utf-8") as lines:
        return [_recording(json.loads(line)) for line in lines]


def _recording(line: dict[str, Any]) -> Recording:
    request, response = line["request"], line["response"]
    body = (
        response["body"].encode()
        if "body" in response
        else base64.b64decode(response["body_base64"])
    )
    return Recording(
        line["id"],
        line["tag"],
        line["error_detail"],
        request["method"],
        request["target"],
        [(name, value) for name, value in request["headers"]],
        Answer(response["status"], [(n, v) for n, v in response["headers"]], body),
    )


def differences(recording: Recording, answer: Answer) -> list[str]:
    """Say where an answer is not the recorded one."""
    expected = recording.answer
    found = [
        f"{name} {answer.header(name)}, not {expected.header(name)}"
        for name in ("Content-Type", "Allow")
        if answer.header(name) != expected.header(name)
    ]
    if answer.status != expected.status:
        found.append(f"status {answer.status}, not {expected.status}")
    body = b"" if recording.method == "HEAD" else expected.body
    if answer.body != body:
        found.append(f"body {answer.body[:200]!r}, not {body[:200]!r}")
    if answer.header("Content-Length") != str(len(expected.body)):
        found.append(f"Content-Length {answer.header('Content-Length')}")
    fixed = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1"}
    found += [f"{n} {answer.header(n)}" for n, v in fixed.items() if answer.header(n) != v]
    return [f"{recording.id} {recording.method} {recording.target}: {item}" for item in found]


def environ(method: str, target: str, headers: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Make the WSGI environment that gunicorn makes of a request."""
    path, _, query = target.partition("?")
    made: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "RAW_URI": target,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in headers:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        made[key] = f"{made[key]},{value}" if key in made else value
    return made


def call(
    app: Callable[..., Iterable[bytes]],
    target: str,
    headers: Iterable[tuple[str, str]] = (("Host", "legacy.example"),),
    method: str = "GET",
    **extra: Any,
) -> Answer:
    """Call a WSGI application."""
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, _: Any = None) -> None:
        started.append((status, headers))

    chunks = app({**environ(method, target, headers), **extra}, start_response)
    try:
        body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()
    ((status, sent),) = started
    return Answer(int(status[:3]), sent, body)


class Client:
    """Asks a server over one kept connection, byte for byte as told."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._socket: socket.socket | None = None
        self._file: Any = None

    def ask(self, method: str, target: str, headers: Iterable[tuple[str, str]]) -> Answer:
        """Send a request and read its answer."""
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return self.send("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"), method)

    def send(self, request: bytes, method: str = "GET") -> Answer:
        """Send bytes and read the answer to them.

        Raises ConnectionError if the connection ends before the answer does.
        """
        if self._socket is None:
            self._socket = self.connect()
            self._file = self._socket.makefile("rb")
        self._socket.sendall(request)
        status = int(self._line().split()[1])
        headers: Headers = []
        while line := self._line():
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        answer = Answer(status, headers, b"")
        if method != "HEAD" and status != 204:
            length = int(answer.header("Content-Length") or 0)
            answer = Answer(status, headers, self._file.read(length))
            if len(answer.body) < length:
                raise ConnectionError(f"{len(answer.body)} of {length} bytes: {answer}")
        if (answer.header("Connection") or "").lower() == "close":
            self.close()
        return answer

    def _line(self) -> str:
        line: bytes = self._file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError(f"the head of the answer ends with {line!r}")
        return line.strip().decode("latin-1")

    def connect(self) -> socket.socket:
        """Connect to the server."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._file.close()
            self._socket.close()
            self._socket = None


def _ports() -> Iterator[int]:
    """Yield ports that the kernel gives to nobody: it might give a free one away before its use.

    Each process of the tests begins at a place of its own.
    """
    first, last = 15_000, 32_000
    begin = random.SystemRandom().randrange(first, last)
    yield from itertools.cycle([*range(begin, last), *range(first, begin)])


_PORTS = _ports()


def free_port() -> int:
    """Return a port that nothing listens on, another one each time."""
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError


class Server(subprocess.Popen[bytes]):
    """A process whose output goes to a file.

    A pipe that nobody reads would fill with request lines and block the server.
    """

    def __init__(self, command: list[str], env: dict[str, str], cwd: Path | None) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed in stop
        super().__init__(command, env=env, cwd=cwd, stdout=self._log, stderr=self._log)

    def output(self) -> str:
        """Return what was said so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode()

    def stop(self) -> None:
        """Terminate, and close the file; fails if the process has to be killed."""
        self.terminate()
        try:
            self.wait(timeout=30)
        finally:
            self.kill()
            self.wait()
            self._log.close()


@contextmanager
def running(
    command: list[str],
    port: int,
    env: dict[str, str],
    cwd: Path | None = None,
    seconds: float = 60,
) -> Iterator[Server]:
    """Run a server until the block ends, from when it listens, which may take so many seconds."""
    server = Server(command, env, cwd)
    try:
        wait_for(port, lambda: server.output() if server.poll() is not None else None, seconds)
        yield server
    finally:
        server.stop()


def wait_for(port: int, died: Callable[[], str | None] = lambda: None, seconds: float = 60) -> None:
    """Wait until something listens on a port; ``died`` says why nothing ever will."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        reason = died()
        assert reason is None, reason
        assert time.monotonic() < deadline, f"nothing listens on port {port}"
        time.sleep(0.05)


def python(code: str, *arguments: str) -> str:
    """Run code in a new interpreter and return its standard output."""
    root = str(Path(__file__).parent.parent)
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def json_of(answer: Answer) -> dict[str, Any]:
    """Return an answer's JSON object."""
    found: dict[str, Any] = json.loads(answer.body)
    return found


def children(pid: int) -> list[int]:
    """Return a process's children: those of its main thread."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
