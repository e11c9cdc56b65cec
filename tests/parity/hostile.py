"""Servers that don't keep to HTTP: each connection is handed to a function."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Talk = Callable[[socket.socket], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"


@contextmanager
def talking(talk: Talk) -> Iterator[str]:
    """Hand each request to ``talk`` until the block ends; gives the base URL.

    A connection is closed when ``talk`` raises or the client has gone.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    open_now: set[socket.socket] = set()
    threads: list[threading.Thread] = []

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError, EOFError):
            while _request(client):
                talk(client)
        open_now.discard(client)

    def listen() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                open_now.add(client)
                threads.append(threading.Thread(target=serve, args=(client,)))
                threads[-1].start()

    threads.append(threading.Thread(target=listen))
    threads[0].start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        _end(listener)
        for client in list(open_now):
            _end(client)
        for thread in threads:
            thread.join(20)
        listener.close()


def sends(*parts: bytes) -> Talk:
    """Send bytes, and stay."""
    return lambda client: client.sendall(b"".join(parts))


def sends_and_closes(*parts: bytes) -> Talk:
    """Send bytes, and close."""

    def talk(client: socket.socket) -> None:
        client.sendall(b"".join(parts))
        raise EOFError

    return talk


def repeats(first: bytes, again: bytes, pause: float = 0) -> Talk:
    """Send bytes, and then others without end."""

    def talk(client: socket.socket) -> None:
        client.sendall(first)
        while True:
            client.sendall(again)
            time.sleep(pause)

    return talk


def whole(body: bytes, *headers: bytes) -> bytes:
    """Make an answer in order."""
    lines: Iterable[bytes] = (OK, *(header + b"\r\n" for header in headers))
    return b"".join(lines) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _request(client: socket.socket) -> bool:
    """Read a request's head; ``False`` at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = client.recv(65536)
        if not data:
            return False
        head += data
    return True


def _end(open_socket: socket.socket) -> None:
    """Wake who waits for a socket."""
    with suppress(OSError):
        open_socket.shutdown(socket.SHUT_RDWR)
