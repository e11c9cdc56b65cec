"""A gunicorn worker whose threads wait for requests themselves.

gunicorn's gthread worker hands every request from its main thread to a pool and back: a future,
a condition, a pipe and two rounds of the poller, 70 us of CPU. Here all threads wait on one epoll
object in one-shot mode, in which the kernel gives each ready connection to one of them. Parsing,
the bytes of an answer and what is promised of keep-alive, limits and shutdown stay gunicorn's.
"""

import os
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from gunicorn.http import wsgi
from gunicorn.util import http_date
from gunicorn.workers import gthread

_ONCE = select.EPOLLIN | select.EPOLLONESHOT
# What gunicorn's close_graceful allows a client that doesn't close after its last answer.
_CLOSING_SECONDS = 2.0
# How long a stopping worker keeps an idle connection, as gthread does: for a request that the
# client may be sending already.
_LINGER_SECONDS = 2.0
_TICK_SECONDS = 1.0
# A request that takes longer than two looks at it is stuck: in a database or a slow client.
_LOOK_SECONDS = 0.1
_SPARES_AT_ONCE = 8
_MOST_SPARES = 32


@dataclass(slots=True, eq=False)
class _Connection:
    """A connection between two requests: until when it may be idle, and whether it only ends."""

    request: Any
    deadline: float
    closing: bool = False


@dataclass(slots=True, eq=False)
class _Turns:
    """A thread's turns: an odd count while it has a connection, and whether it shall end."""

    count: int = 0
    over: bool = False


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return str(http_date(second))


class _Response(wsgi.Response):
    """gunicorn's response, whose head waits for the body: one packet, and the client wakes once.

    With a date that is made once a second this takes a twelfth off a status.
    """

    _omits_body: bool

    def send_headers(self) -> None:
        """Send the head, at once or with the body that follows."""
        if self.headers_sent:
            return
        major, minor = cast(tuple[int, int], self.req.version)
        closes = "close" if self.should_close() else "keep-alive"
        head = [
            f"HTTP/{major}.{minor} {self.status}",
            f"Server: {self.version}",
            f"Date: {_date(int(time.time()))}",
            f"Connection: {'upgrade' if self.upgrade else closes}",
        ]
        if self.chunked:
            head.append("Transfer-Encoding: chunked")
        head += [f"{name}: {value}" for name, value in self.headers]
        # TLS takes no flags.
        waits = self.response_length and not (self._omits_body or self.cfg.is_ssl)
        text = "\r\n".join([*head, "", ""])
        self.sock.sendall(text.encode("latin-1"), socket.MSG_MORE if waits else 0)
        self.headers_sent = True


class EpollWorker(gthread.ThreadWorker):
    """Serves kept-alive connections with ``threads`` threads that share one epoll object."""

    def run(self) -> None:
        """Serve until told to stop, then let what was accepted be answered."""
        # A setting is else looked up in two mappings, by __getattr__: 4 % of a status.
        vars(self.cfg).update((name, item.get()) for name, item in self.cfg.settings.items())
        self._epoll = select.epoll()
        # A connection is in here while no thread has it; who takes it out owns it.
        self._idle: dict[int, _Connection] = {}
        self._open: set[_Connection] = set()
        self._done = False
        self._listeners = {listener.fileno(): listener for listener in self.sockets}
        for fd, listener in self._listeners.items():
            listener.setblocking(False)
            self._epoll.register(fd, _ONCE)
        self._threads: dict[threading.Thread, _Turns] = {}
        for _ in range(self.cfg.threads):
            self._start_thread()
        looked: dict[threading.Thread, int] = {}
        while self.alive and self.is_parent_alive():
            self._tick(_LOOK_SECONDS)
            looked = self._relieve(looked)
        self.alive = False
        self._stop([*self._threads])

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer a request as gthread does, by ``_Response``; returns whether another may come."""
        response: Any = None
        environ: Any = {}
        try:
            self.cfg.pre_request(self, req)
            started = datetime.now()
            response, environ = wsgi.create(
                req, conn.sock, conn.client, conn.server, self.cfg, response_class=_Response
            )
            environ["wsgi.multithread"] = True
            self.nr += 1
            if self.nr >= self.max_requests and self.alive:
                self.log.info("Autorestarting worker after current request.")
                self.alive = False
            if not (self.alive and self.cfg.keepalive):
                response.force_close()
            body = self.wsgi(environ, response.start_response)
            try:
                if isinstance(body, environ["wsgi.file_wrapper"]):
                    response.write_file(body)
                else:
                    for part in body:
                        response.write(part)
                response.close()
            finally:
                self.log.access(response, req, environ, datetime.now() - started)
                if hasattr(body, "close"):
                    body.close()
        except OSError:
            raise
        except (Exception, SystemExit):
            if response is None or not response.headers_sent:
                raise
            # An error page on top of what was sent already would corrupt it.
            self.log.exception("Error handling request")
            raise StopIteration from None
        finally:
            try:
                self.cfg.post_request(self, req, environ, response)
            except Exception:
                self.log.exception("Exception in post_request hook")
        return not response.should_close()

    def _start_thread(self) -> None:
        turns = _Turns()
        thread = threading.Thread(target=self._serve, args=(turns,), daemon=True)
        self._threads[thread] = turns
        thread.start()

    def _relieve(self, looked: dict[threading.Thread, int]) -> dict[threading.Thread, int]:
        """Put spare threads beside those that are all stuck, and take back what is idle.

        So few threads would else all wait for a slow database while others could be answered.
        While one of them gets on, the worker is short of CPU, if of anything.
        """
        busy = {thread: turns.count for thread, turns in self._threads.items() if turns.count % 2}
        stuck = sum(looked.get(thread) == count for thread, count in busy.items())
        if stuck == len(self._threads):
            for _ in range(min(_SPARES_AT_ONCE, self.cfg.threads + _MOST_SPARES - stuck)):
                self._start_thread()
            return busy
        idle = [thread for thread in self._threads if thread not in busy]
        for thread in idle[: -self.cfg.threads]:
            self._threads.pop(thread).over = True
        return busy

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop: SIGTERM. The signal itself ends the tick."""
        self.alive = False

    def _stop(self, threads: list[threading.Thread]) -> None:
        for fd in self._listeners:
            self._epoll.unregister(fd)
        stopped = time.monotonic()
        deadline = stopped + self.cfg.graceful_timeout
        for connection in list(self._idle.values()):
            connection.deadline = min(connection.deadline, stopped + _LINGER_SECONDS)
        while self._open and time.monotonic() < deadline:
            self._tick(0.05)
        self._done = True
        # A byte that nobody takes wakes every thread.
        awake, wake = os.pipe()
        self._epoll.register(awake, select.EPOLLIN)
        os.write(wake, b".")
        for thread in threads:
            thread.join(max(0.0, deadline + _TICK_SECONDS - time.monotonic()))
        for listener in self._listeners.values():
            listener.close()

    def _tick(self, seconds: float) -> None:
        self.notify()
        # A signal writes to gunicorn's pipe (signal.set_wakeup_fd).
        if select.select([self.PIPE[0]], [], [], seconds)[0]:
            os.read(self.PIPE[0], 512)
        self._close_expired()

    def _close_expired(self) -> None:
        now = time.monotonic()
        for fd, connection in list(self._idle.items()):
            if connection.deadline <= now and self._idle.pop(fd, None) is connection:
                self._close(connection)

    def _admit(self) -> None:
        """Wait for new connections, unless there are as many as there may be."""
        if self.alive and len(self._open) < self.cfg.worker_connections:
            for fd in self._listeners:
                with suppress(OSError):
                    self._epoll.modify(fd, _ONCE)

    def _serve(self, turns: "_Turns") -> None:
        """Take ready connections, one after another: the life of a thread."""
        while not (self._done or turns.over):
            # One at a time: others that are ready may go to other threads.
            for fd, _ in self._epoll.poll(_TICK_SECONDS, 1):
                turns.count += 1
                try:
                    if fd in self._listeners:
                        self._accept(self._listeners[fd])
                    elif connection := self._idle.pop(fd, None):
                        self._proceed(fd, connection)
                except Exception:
                    self.log.exception("A connection failed")
                turns.count += 1

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, client = listener.accept()
        except OSError:
            self._admit()
            return
        request = gthread.TConn(self.cfg, accepted, client, listener.getsockname())
        accepted.setblocking(True)
        # It waits in epoll for its first bytes, so that no thread has to.
        request.data_ready = True
        connection = _Connection(request, 0.0)
        self._open.add(connection)
        self._admit()
        self._rest(accepted.fileno(), connection, register=True)

    def _proceed(self, fd: int, connection: _Connection) -> None:
        if connection.closing:
            with suppress(OSError):
                if connection.request.sock.recv(65536, socket.MSG_DONTWAIT):
                    self._rest(fd, connection, until=connection.deadline)
                    return
            self._close(connection)
            return
        request = connection.request
        alive = self.handle(request)
        # A pipelined request may be in the parser already, where epoll can't see it.
        while alive and request.parser.unreader.buf.getvalue():
            alive = self.handle(request)
        if alive:
            self._rest(fd, connection)
        else:
            self._end(fd, connection)

    def _rest(
        self, fd: int, connection: _Connection, until: float | None = None, register: bool = False
    ) -> None:
        """Give a connection back until it is ready or its time is over."""
        seconds = self.cfg.keepalive if self.alive else _LINGER_SECONDS
        connection.deadline = time.monotonic() + seconds if until is None else until
        self._idle[fd] = connection
        if register:
            self._epoll.register(fd, _ONCE)
        else:
            self._epoll.modify(fd, _ONCE)

    def _end(self, fd: int, connection: _Connection) -> None:
        """Say that no more comes, and wait for the client to close (RFC 9112, 9.6)."""
        connection.closing = True
        try:
            connection.request.sock.shutdown(socket.SHUT_WR)
            self._rest(fd, connection, until=time.monotonic() + _CLOSING_SECONDS)
        except OSError:
            self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self._open.discard(connection)
        connection.request.close()
        if len(self._open) == self.cfg.worker_connections - 1:
            self._admit()
