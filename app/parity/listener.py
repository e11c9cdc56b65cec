"""Takes the requests that a proxy mirrors, and answers each at once with nothing."""

import queue
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Final, Self

from app.parity import interrupt
from app.parity.recording import Headers, Request
from app.webapi.routing import HttpActionDescriptor

PREFIX: Final = "/mirrored"
"""Precedes the target of each mirrored request; other paths show the run itself."""
QUEUE: Final = 10_000
"""The longest queue of requests to send; further ones are dropped and counted."""
FULL: Final = "dropped: the queue was full"
ENDED: Final = "dropped: the run ended"
NOT_SAMPLED: Final = "not in the sample"
ANOTHER_REQUEST: Final = "another address or method"

# What a report may show. Everything else may be a secret: it is sent and never written.
_SHOWN: Final = {
    "host", "accept", "accept-charset", "accept-encoding", "accept-language",
    "x-requested-with", "content-type", "user-agent",
}  # fmt: skip
# These belong to the connection or describe a body, and the mirror passes no body on.
_DROPPED: Final = {
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade", "content-length", "expect",
}  # fmt: skip

Page = tuple[str, bytes]
"""A content type and a body."""
_NOTHING: Final = ("text/plain; charset=utf-8", b"Nothing is here.\n")
_BUSY: Final = ("text/plain; charset=utf-8", b"The run is busy or is ending: ask again.\n")


class Listener:
    """An HTTP server whose mirrored requests are iterated over, until it or the run is stopped.

    Args:
        host, port: where to listen; port 0 takes a free one.
        action: the action whose GETs are taken.
        pages: what other paths show: path -> the page; may raise TimeoutError.
        sample: the share of requests that is taken, from 0 to 1.
        seed: for the sample.

    Raises OSError where the address can't be used.
    """

    def __init__(
        self,
        host: str,
        port: int,
        action: HttpActionDescriptor,
        pages: Callable[[str], Page | None],
        sample: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.others: Counter[str] = Counter()
        self._ending = f"/{action.controller}/{action.action}".lower()
        self._pages = pages
        self._sample = sample
        self._random = Random(seed)
        self._queue: queue.Queue[Request] = queue.Queue(QUEUE)
        self._stopped = False
        self._lock = threading.Lock()
        self._server = _server(host, port, self)
        self._thread = threading.Thread(target=self._serve)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self) -> None:
        interrupt.leave_to_the_main_thread()
        self._server.serve_forever(0.1)

    def __iter__(self) -> Iterator[Request | None]:
        """Yield requests as they come, and ``None`` after each fifth of a second without one."""
        while not self._stopped and not interrupt.came():
            try:
                yield self._queue.get(timeout=0.2)
            except queue.Empty:
                yield None

    def stop(self) -> None:
        """End the iteration and take nothing more; what still waits is dropped and counted."""
        with self._lock:
            self._stopped = True
            for _ in range(self._queue.qsize()):
                self._queue.get_nowait()
                self.others[ENDED] += 1

    def take(self, method: str, target: str, headers: Headers) -> None:
        """Queue a mirrored request, or count why not."""
        with self._lock:
            if self._stopped:
                return
            request = self._taken(method, target, headers)
            if isinstance(request, str):
                self.others[request] += 1
                return
            try:
                self._queue.put_nowait(request)
            except queue.Full:
                self.others[FULL] += 1

    def page(self, path: str) -> Page | None:
        """Return what another path shows, ``None`` where nothing is. Raises TimeoutError."""
        return self._pages(path)

    def _taken(self, method: str, target: str, headers: Headers) -> Request | str:
        path = target.partition("?")[0].rstrip("/").lower()
        if method != "GET" or not path.endswith(self._ending):
            return ANOTHER_REQUEST
        if self._random.random() >= self._sample:
            return NOT_SAMPLED
        kept = [pair for pair in headers if pair[0].lower() not in _DROPPED]
        shown = tuple(pair for pair in kept if pair[0].lower() in _SHOWN)
        secret = tuple(pair for pair in kept if pair[0].lower() not in _SHOWN)
        start = path.rindex(self._ending)
        return Request("GET", target[start:], shown, secret)


def _server(host: str, port: int, listener: Listener) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def handle_one_request(self) -> None:
            """Answer a request; a proxy that breaks off is no error."""
            with suppress(ConnectionError):
                super().handle_one_request()

        def parse_request(self) -> bool:
            """Take any method: what the action does not answer is counted."""
            parsed = super().parse_request()
            if parsed:
                setattr(self, f"do_{self.command}", self._answer)
            return parsed

        def _answer(self) -> None:
            # ``path`` loses a doubled slash at the start.
            target = self.requestline.split(" ")[1]
            if target.startswith(f"{PREFIX}/"):
                listener.take(self.command, target.removeprefix(PREFIX), _headers(self))
                self.send_response(204)
                self.end_headers()
                return
            try:
                page = listener.page(target)
                status, (content_type, body) = (200, page) if page else (404, _NOTHING)
            except TimeoutError:
                status, (content_type, body) = 503, _BUSY
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: the proxy has its own log."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True
        request_queue_size = 1024

    return Server((host, port), Handler)


def _headers(handler: BaseHTTPRequestHandler) -> Headers:
    return tuple((name, value) for name, value in handler.headers.items())
