"""Recordings: a request to a service and its answer, one JSON line each."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.parity.errors import InputError
from app.parity.fault import Fault

Headers = tuple[tuple[str, str], ...]


class RecordingError(InputError):
    """A line that is no recording: file, line and reason."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: the target of the request line, after the base URL's path."""

    method: str
    target: str
    headers: Headers = ()
    secret: Headers = field(default=(), compare=False, repr=False)
    """Headers that are sent too, and never written."""

    def header(self, name: str) -> str | None:
        """Return a header's values, joined with commas."""
        return _header(self.headers, name)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the body as on the wire.

    A fault says that it did not come whole; one without a head has the status 0. ``version`` is
    HTTP's, which recordings made before 1.1 don't know, and ``closes`` whether the connection
    ended with it, which no recording knows.
    """

    status: int
    headers: Headers
    body: bytes
    fault: Fault | None = None
    version: str | None = None
    closes: bool | None = None

    def header(self, name: str) -> str | None:
        """Return a header's values, joined with commas."""
        return _header(self.headers, name)


@dataclass(frozen=True, slots=True)
class Recording:
    """A request and its answer.

    ``error_detail`` says whether the service showed MessageDetail, ``masked`` which members'
    values are tokens, ``all_headers`` whether the answer has all its headers; recordings made
    before 1.1 have Content-Type and Allow.
    """

    id: int
    tag: str
    error_detail: bool
    request: Request
    answer: Answer
    masked: tuple[str, ...] = ()
    all_headers: bool = False

    def unfit(self, error_detail: bool) -> str | None:
        """Say why a service in order can't be held to this recording, ``None`` if it can."""
        if self.answer.status >= 500:
            return "recorded while the service failed"
        if self.answer.status >= 400 and self.error_detail != error_detail:
            shown = "with" if self.error_detail else "without"
            return f"recorded {shown} error details"
        return None


def read(path: Path) -> Iterator[Recording]:
    """Yield a file's recordings. Raises RecordingError at the first line that is none."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield parse(line, f"{path.name}:{number}")


def parse(line: bytes, where: str) -> Recording:
    """Return a line's recording. Raises RecordingError, which names ``where``."""
    try:
        return _recording(json.loads(line))
    except KeyError as error:
        raise RecordingError(f"{where}: {error.args[0]} is missing") from None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise RecordingError(f"{where}: is not a recording: {error}") from None


def line(recording: Recording) -> str:
    """Write the line that ``parse`` takes, with its line end."""
    request, answer = recording.request, recording.answer
    made: dict[str, Any] = {
        "id": recording.id,
        "tag": recording.tag,
        "error_detail": recording.error_detail,
        "request": {
            "method": request.method,
            "target": request.target,
            "headers": request.headers,
        },
        "response": {"status": answer.status, "headers": answer.headers, **_body(answer.body)},
    }
    if answer.version is not None:
        made["response"]["version"] = answer.version
    if recording.all_headers:
        made["all_headers"] = True
    if recording.masked:
        made["masked"] = recording.masked
    return json.dumps(made) + "\n"


def _header(headers: Headers, name: str) -> str | None:
    found = [value for key, value in headers if key.lower() == name.lower()]
    return ", ".join(found) if found else None


def _recording(made: dict[str, Any]) -> Recording:
    asked, given = made["request"], made["response"]
    text = given.get("body")
    body = base64.b64decode(given["body_base64"], validate=True) if text is None else text.encode()
    return Recording(
        int(made["id"]),
        str(made["tag"]),
        bool(made["error_detail"]),
        Request(str(asked["method"]), str(asked["target"]), _pairs(asked["headers"])),
        Answer(int(given["status"]), _pairs(given["headers"]), body, version=given.get("version")),
        tuple(str(name) for name in made.get("masked", ())),
        bool(made.get("all_headers", False)),
    )


def _pairs(pairs: Iterable[Iterable[str]]) -> Headers:
    return tuple((str(name), str(value)) for name, value in pairs)


def _body(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
