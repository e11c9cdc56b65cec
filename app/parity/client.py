"""Asks a service exactly what was meant: no header, escape or redirect is added."""

import http.client
import ssl
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from app.parity.recording import Answer, Headers, Request

_PORTS = {"http": 80, "https": 443}


class NoAnswerError(Exception):
    """No answer came; the message names the service and says why."""


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer and how long it took, in seconds."""

    answer: Answer
    seconds: float


class Service:
    """A service at a base URL, over one kept connection for each thread.

    Args:
        base_url: ``http://`` or ``https://``, a host, and the path that it lives under.
        timeout: seconds to wait for a connection and for each part of an answer.
        headers: sent with every request behind its own, such as a token; never recorded.
        own_host: send the base URL's Host in place of the request's.

    Raises ValueError for another URL.
    """

    def __init__(
        self, base_url: str, *, timeout: float = 10, headers: Headers = (), own_host: bool = False
    ) -> None:
        self.url = _checked(base_url)
        self.host = self.url.netloc.rpartition("@")[2].lower()
        self._prefix = self.url.path.rstrip("/")
        self._timeout = timeout
        self._headers = headers
        self.own_host = own_host
        self._threads = threading.local()
        self._tls = ssl.create_default_context() if self.url.scheme == "https" else None

    def __str__(self) -> str:
        return f"{self.url.scheme}://{self.host}{self._prefix}"

    @property
    def origin(self) -> str:
        """Its scheme and host, as an error quotes them: without the default port."""
        default = f":{_PORTS[self.url.scheme]}"
        return f"{self.url.scheme}://{self.host.removesuffix(default)}"

    def ask(self, request: Request) -> Timed:
        """Send a request and read its answer. Raises NoAnswerError."""
        kept = getattr(self._threads, "connection", None)
        started = time.perf_counter()
        try:
            if kept is not None:
                # The service may have closed a kept connection just now: asked once more.
                with suppress(ConnectionError, http.client.BadStatusLine):
                    return self._timed(kept, request, started)
                kept.close()
            self._threads.connection = connection = self._connect()
            return self._timed(connection, request, started)
        except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
            self.close()
            reason = str(error) or type(error).__name__
            raise NoAnswerError(f"{self}: {reason}") from None

    def sent(self, request: Request) -> Headers:
        """Return the headers that go on the wire, but for the secret ones."""
        return tuple(
            (name, self.host if self.own_host and name.lower() == "host" else value)
            for name, value in request.headers
        )

    def _timed(
        self, connection: http.client.HTTPConnection, request: Request, started: float
    ) -> Timed:
        connection.putrequest(
            request.method,
            self._prefix + request.target,
            skip_host=True,
            skip_accept_encoding=True,
        )
        for name, value in (*self.sent(request), *self._headers):
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        answer = Answer(response.status, tuple(response.getheaders()), body)
        return Timed(answer, time.perf_counter() - started)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self.url.hostname or "", self.url.port
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=self._timeout)

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._threads, "connection", None)
        self._threads.connection = None
        if connection is not None:
            connection.close()


def header(text: str) -> tuple[str, str]:
    """Read ``Name: value``. Raises ValueError."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not name.isascii() or not value.isprintable():
        raise ValueError
    return name.strip(), value.strip()


def with_host(headers: Iterable[tuple[str, str]], host: str) -> Headers:
    """Return the headers behind a Host."""
    return (("Host", host), *headers)


def _checked(base_url: str) -> SplitResult:
    try:
        url = urlsplit(base_url)
        port = url.port or _PORTS.get(url.scheme, 0)
    except ValueError:
        port = 0
    if not port or not url.hostname or url.query or url.fragment:
        raise ValueError(f"must be http://HOST[:PORT][/PATH] or https://..., not {base_url!r}")
    return url
