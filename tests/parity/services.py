"""Services: the application behind a real socket, its answers changed on the way out."""

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from app.parity.coverage import Coverage
from app.parity.document import encoding_of, format_of, text_of
from app.parity.recording import Answer
from schemas.charge_process import ChargeProcess

Change = Callable[[Answer], Answer]


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Keep quiet."""


def coverage() -> Coverage:
    """Make what counts the application's answers."""
    return Coverage("user_id", tuple(ChargeProcess.members()))


@dataclass
class Changed:
    """A WSGI application whose answers go through a function."""

    app: Callable[..., Iterable[bytes]]
    change: Change

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as the application does, changed."""
        started: list[tuple[str, list[tuple[str, str]]]] = []
        chunks = self.app(
            environ, lambda status, headers, _=None: started.append((status, headers))
        )
        body = b"".join(chunks)
        ((status, headers),) = started
        kept = tuple(pair for pair in headers if pair[0].lower() != "content-length")
        made = self.change(Answer(int(status[:3]), kept, body))
        length = ("Content-Length", str(len(made.body)))
        start_response(f"{made.status} Status", [*made.headers, length])
        return [made.body] if environ["REQUEST_METHOD"] != "HEAD" else []


@contextmanager
def serving(
    app: Callable[..., Iterable[bytes]], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve an application until the block ends; gives its base URL."""
    server = make_server(
        "127.0.0.1", 0, app, threaded=True, request_handler=_Handler, ssl_context=tls
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def text_change(format: str, change: Callable[[str], str]) -> Change:
    """Make a change of the text of answers in a format, in their own encoding."""

    def changed(answer: Answer) -> Answer:
        if format_of(answer) != format:
            return answer
        mark, encoding = encoding_of(answer)
        return replace(answer, body=mark + change(text_of(answer)).encode(encoding))

    return changed


def header_change(name: str, value: Callable[[str], str | None]) -> Change:
    """Make a change of a header's value; ``None`` drops the header."""

    def changed(answer: Answer) -> Answer:
        pairs = ((key, value(text) if key == name else text) for key, text in answer.headers)
        return replace(answer, headers=tuple((k, v) for k, v in pairs if v is not None))

    return changed
