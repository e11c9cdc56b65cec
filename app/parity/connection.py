"""One connection to a service: sends bytes as they are, and bounds what comes back.

h11 reads the answers. It can't write the requests, for they may be ones that HTTP forbids: without
a Host, or with a header twice.
"""

import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import h11

from app.parity.fault import Fault, FaultKind
from app.parity.recording import Answer, Headers

_LARGEST_HEAD: Final = 64 * 1024
_PIECE: Final = 64 * 1024
_MOST_INTERIM: Final = 10
_LONGEST_REASON: Final = 200


class DroppedError(Exception):
    """The connection ended after the request was sent, before a byte of an answer."""


class Deadline:
    """A moment that all parts of an exchange share."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left. Raises TimeoutError if none are."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


@dataclass(slots=True)
class _Reading:
    """What has been read of an answer."""

    received: int = 0
    ended: bool = False
    interim: int = 0
    status: int = 0
    version: str | None = None
    headers: Headers = ()
    body: bytearray = field(default_factory=bytearray)


class Connection:
    """A connection over TCP, or TLS where a context is given.

    Raises OSError if there is none within the deadline.
    """

    def __init__(
        self, host: str, port: int, tls: ssl.SSLContext | None, deadline: Deadline
    ) -> None:
        self._socket = socket.create_connection((host, port), deadline.left())
        if tls is not None:
            try:
                self._socket.settimeout(deadline.left())
                self._socket = tls.wrap_socket(self._socket, server_hostname=host)
            except BaseException:
                self._socket.close()
                raise
        self._protocol = h11.Connection(h11.CLIENT, _LARGEST_HEAD)
        self.is_reusable = False
        self._used_at = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """How long ago the last answer ended."""
        return time.monotonic() - self._used_at

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def abort(self) -> None:
        """End it under another thread that waits for it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def unasked(self) -> bool | None:
        """Say what came since the last answer: nothing, bytes, or the end, which is ``None``."""
        self._socket.settimeout(0)
        try:
            return bool(self._socket.recv(1)) or None
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return None

    def exchange(self, method: str, head: bytes, deadline: Deadline, max_body: int) -> Answer:
        """Send a request's head and read the answer. Raises DroppedError.

        An answer that is no whole one says so as its fault; one without a head has the status 0.
        """
        self.is_reusable = False
        self._expect(method)
        read = _Reading()
        try:
            self._socket.settimeout(deadline.left())
            self._socket.sendall(head)
            fault = self._read(read, deadline, max_body)
        except TimeoutError:
            fault = _late(read, deadline)
        except OSError as error:
            if not read.received:
                raise DroppedError from None
            fault = Fault(FaultKind.CUT_SHORT, str(error))
        except h11.RemoteProtocolError as error:
            fault = _malformed(read, str(error))
        closes = read.ended or self._protocol.their_state is not h11.DONE
        self.is_reusable = fault is None and not closes
        self._used_at = time.monotonic()
        body = bytes(read.body)
        return Answer(read.status, read.headers, body, fault, read.version, closes)

    def _expect(self, method: str) -> None:
        """Tell h11 the request, because the answer's length depends on it."""
        if self._protocol.our_state is h11.DONE:
            self._protocol.start_next_cycle()
        self._protocol.send(h11.Request(method=method, target="/", headers=[("Host", "")]))
        self._protocol.send(h11.EndOfMessage())

    def _read(self, read: _Reading, deadline: Deadline, max_body: int) -> Fault | None:
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                self._socket.settimeout(deadline.left())
                data = self._socket.recv(_PIECE)
                read.received += len(data)
                read.ended = not data
                if not read.received:
                    raise DroppedError
                self._protocol.receive_data(data)
            elif isinstance(event, h11.InformationalResponse):
                read.interim += 1
                if read.interim > _MOST_INTERIM:
                    return Fault(FaultKind.INTERIM, f"more than {_MOST_INTERIM}")
            elif isinstance(event, h11.Response):
                read.status = event.status_code
                read.version = event.http_version.decode()
                read.headers = tuple(
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in event.headers.raw_items()
                )
            elif isinstance(event, h11.Data):
                read.body += event.data
                if len(read.body) > max_body:
                    del read.body[max_body:]
                    return Fault(FaultKind.TOO_LARGE, f"more than {max_body:,} bytes")
            else:
                return self._behind()

    def _behind(self) -> Fault | None:
        """Report bytes after a whole answer."""
        extra = len(self._protocol.trailing_data[0])
        return Fault(FaultKind.TOO_LONG, f"{extra:,} bytes after its end") if extra else None


def _late(read: _Reading, deadline: Deadline) -> Fault:
    kind = FaultKind.NOT_WHOLE_IN_TIME if read.status else FaultKind.NO_ANSWER_IN_TIME
    return Fault(kind, f"timed out after {deadline.seconds:g} s")


def _malformed(read: _Reading, reason: str) -> Fault:
    if read.ended:
        return Fault(FaultKind.CUT_SHORT, reason)
    # h11 reads both sides and speaks of a request line where no status line can start.
    reason = reason.replace("illegal request line", "illegal status line")
    return Fault(FaultKind.NOT_HTTP, reason[:_LONGEST_REASON])
