"""Sends requests exactly as specified: no header, escape or redirect is added."""

import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from app.parity.connection import Connection, Deadline, DroppedError
from app.parity.fault import Fault, FaultKind
from app.parity.outage import Outage
from app.parity.recording import Answer, Headers, Request

_PORTS: Final = {"http": 80, "https": 443}
_TRIES: Final = 3
_FRESH: Final = 1.0
"""A server may close an idle connection while a request is on its way: that must not be counted.
gunicorn waits two seconds, others longer."""
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET: Final = re.compile(r"[!-~]+")
_NAME: Final = re.compile(r"[!-9;-~]+")
_VALUE: Final = re.compile(r"[^\0\r\n]*")

MAX_BODY: Final = 1_000_000
"""The largest body that is read, in bytes, unless --max-body says otherwise."""

DROPPED: Final = "connections ended after a request was sent; it was sent again"
UNASKED: Final = "answers were followed by further bytes"


class NoAnswerError(Exception):
    """No answer came; the message names the service and says why."""


class CutOffError(NoAnswerError):
    """The run was stopped before the answer came."""


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer and how long it took, in seconds."""

    answer: Answer
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """A service's limits: seconds for an answer, seconds unreachable in all, bytes of a body."""

    timeout: float = 10
    away: float = 0
    max_body: int = MAX_BODY


class Service:
    """A service at a base URL, over connections that are kept between requests.

    Threads may share it. ``troubles`` counts what went wrong besides answers.

    Args:
        base_url: ``http://`` or ``https://``, a host, and the path that it lives under.
        limits: what it may take.
        headers: sent with every request after its own headers, such as a token; never recorded.
        own_host: send the base URL's Host in place of the request's.
        tls: the context for ``https://``, the system's if there is none.

    Raises ValueError for another URL.
    """

    def __init__(
        self,
        base_url: str,
        *,
        limits: Limits | None = None,
        headers: Headers = (),
        own_host: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.url = parse_base_url(base_url)
        self.host = self.url.netloc.lower()
        self.own_host = own_host
        self.limits = limits or Limits()
        self.outage = Outage(self.limits.away)
        self.troubles: Counter[str] = Counter()
        self._prefix = self.url.path.rstrip("/")
        self._headers = headers
        self._tls = (tls or ssl.create_default_context()) if self.url.scheme == "https" else None
        self._is_stopped = False
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return f"{self.url.scheme}://{self.host}{self._prefix}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def origin(self) -> str:
        """Its scheme and host, as an error quotes them: without the default port."""
        default = f":{_PORTS[self.url.scheme]}"
        return f"{self.url.scheme}://{self.host.removesuffix(default)}"

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        name = self.url.hostname or ""
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return name == "localhost" or name.endswith(".localhost")

    def ask(self, request: Request) -> Timed:
        """Send a request and read its answer, which says so as its fault if it isn't whole.

        A connection that ends after the request is counted, and the request is sent again.
        Raises NoAnswerError if the service can't be reached or the request can't be sent.
        """
        head = self._head(request)
        attempt = dropped = 0
        while not self._is_stopped:
            started = time.perf_counter()
            deadline = Deadline(self.limits.timeout)
            try:
                connection = self._kept() or self._connected(deadline)
            except (OSError, ValueError) as error:
                if not self.outage.wait(attempt) and not self._is_stopped:
                    raise NoAnswerError(f"{self}: {str(error) or type(error).__name__}") from None
                attempt += 1
                continue
            try:
                answer = self._exchanged(connection, request.method, head, deadline)
            except DroppedError:
                if self._is_stopped:
                    break
                dropped += 1
                self._count(DROPPED)
                if dropped < _TRIES:
                    self.outage.wait(dropped)  # It may be going down right now.
                    continue
                answer = Answer(0, (), b"", Fault(FaultKind.DROPPED, f"{dropped} times"))
            if answer.fault is not None and self._is_stopped:
                break
            return Timed(answer, time.perf_counter() - started)
        raise CutOffError(f"{self}: the run was stopped")

    def ask_whole(self, request: Request) -> Timed:
        """Do the same where a faulty answer is of no use. Raises NoAnswerError."""
        timed = self.ask(request)
        if timed.answer.fault is not None:
            raise NoAnswerError(f"{self}: {timed.answer.fault}")
        return timed

    def sent(self, request: Request) -> Headers:
        """Return the headers that go on the wire, but for the secret ones."""
        return tuple(
            (name, self.host if self.own_host and name.lower() == "host" else value)
            for name, value in request.headers
        )

    def stop(self) -> None:
        """End the requests of other threads, and send no more."""
        self._is_stopped = True
        self.outage.give_up()
        for connection in list(self._busy):
            connection.abort()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _head(self, request: Request) -> bytes:
        target = self._prefix + request.target
        headers = (*self.sent(request), *request.secret, *self._headers)
        if not _TOKEN.fullmatch(request.method) or not _TARGET.fullmatch(target):
            raise NoAnswerError(f"{self}: a request line can't hold {request.target!r}")
        for name, value in headers:
            if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
                raise NoAnswerError(f"{self}: a request can't hold the header {name!r}")
        lines = [f"{request.method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers)]
        try:
            return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")
        except UnicodeEncodeError as error:
            raise NoAnswerError(f"{self}: a request can't hold it: {error}") from None

    def _kept(self) -> Connection | None:
        """Return a kept connection that the service has not closed meanwhile."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break  # Another thread was faster.
            unasked = connection.unasked()
            if unasked is False and connection.idle_seconds < _FRESH:
                return connection
            connection.close()
            if unasked:
                self._count(UNASKED)
        return None

    def _connected(self, deadline: Deadline) -> Connection:
        port = self.url.port or _PORTS[self.url.scheme]
        return Connection(self.url.hostname or "", port, self._tls, deadline)

    def _exchanged(
        self, connection: Connection, method: str, head: bytes, deadline: Deadline
    ) -> Answer:
        self._busy.add(connection)
        try:
            if self._is_stopped:  # Since it was looked at last, so that nobody aborts this one.
                raise DroppedError
            answer = connection.exchange(method, head, deadline, self.limits.max_body)
        finally:
            self._busy.discard(connection)
            if connection.is_reusable:
                self._idle.append(connection)
            else:
                connection.close()
        if answer.status:
            self.outage.answered()
        return answer

    def _count(self, trouble: str) -> None:
        with self._lock:
            self.troubles[trouble] += 1


def with_host(headers: Iterable[tuple[str, str]], host: str) -> Headers:
    """Return the headers that follow a Host."""
    return (("Host", host), *headers)


def parse_base_url(base_url: str) -> SplitResult:
    """Return the parts of a base URL. Raises ValueError for one that is not allowed."""
    try:
        url = urlsplit(base_url)
        port = url.port or _PORTS.get(url.scheme, 0)
    except ValueError:
        port = 0
    if not port or not url.hostname or url.query or url.fragment or "@" in url.netloc:
        # One with a name and a password is not quoted.
        quoted = "one with a user name" if "@" in base_url else repr(base_url)
        raise ValueError(f"must be http://HOST[:PORT][/PATH] or https://..., not {quoted}")
    return url
