"""One line and one id for each request."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from app.host.application import WebApi
from app.observe.request_log import LINES, RequestLog
from tests import truth

HOST = ("Host", "legacy.example")
STATUS = "/ChargeProcess/Status?user_id=1"


class Logged:
    """An application on the recorded processes that keeps its request lines."""

    def __init__(self, app: WebApi, kind: str = "json", with_user_id: bool = False) -> None:
        self.lines: list[str] = []
        inner = app.wsgi_app.__wrapped__  # type: ignore[attr-defined]
        self.app = RequestLog(inner, LINES[kind, with_user_id], self.lines.append)

    def ask(
        self, target: str, *headers: tuple[str, str], method: str = "GET", **extra: Any
    ) -> truth.Answer:
        """Send a request."""
        return truth.call(self.app, target, [HOST, *headers], method, **extra)

    @property
    def line(self) -> dict[str, Any]:
        """The one line written."""
        (text,) = self.lines
        assert text.endswith("\n")
        assert text.count("\n") == 1
        members: dict[str, Any] = json.loads(text)
        return members


@pytest.fixture
def logged(make_app: Callable[..., WebApi]) -> Logged:
    """An application that logs JSON."""
    return Logged(make_app())


def test_a_request_is_one_json_line_with_what_operators_ask_for(logged: Logged) -> None:
    """The line has the request, the format with the rule that chose it, the size and the time."""
    answer = logged.ask(STATUS, ("Accept", "text/xml"), REMOTE_ADDR="192.0.2.7")

    line = logged.line
    assert line.pop("time").endswith("Z")
    assert 0 < line.pop("ms") < 10_000
    assert line == {
        "level": "info",
        "message": "request",
        "method": "GET",
        "route": "/ChargeProcess/Status",
        "status": 200,
        "format": "text/xml",
        "ranking": "literal",
        "bytes": len(answer.body),
        "request_id": answer.header("X-Request-ID"),
        "client": "192.0.2.7",
    }


def test_the_user_is_left_out_unless_switched_on(make_app: Callable[..., WebApi]) -> None:
    """No part of the line holds user_id, in neither format."""
    for kind in ("json", "text"):
        silent, telling = Logged(make_app(), kind), Logged(make_app(), kind, with_user_id=True)
        for logged in (silent, telling):
            logged.ask("/ChargeProcess/Status?user_id=987654321")

        assert "987654321" not in silent.lines[0]
        assert "987654321" in telling.lines[0]


def test_a_request_without_a_match_has_no_user_to_tell(make_app: Callable[..., WebApi]) -> None:
    """The switch changes nothing where the path or the argument is wrong."""
    logged = Logged(make_app(), with_user_id=True)

    logged.ask("/ChargeProcess/Status?user_id=x")

    assert logged.line["user_id"] is None
    assert logged.line["status"] == 400


@pytest.mark.parametrize("given", ["a", "0f3c-9", "A.b_c+d/e=", "x" * 64])
def test_a_sane_request_id_is_taken_and_returned(logged: Logged, given: str) -> None:
    """A client's id goes through the answer and the line as it is."""
    answer = logged.ask(STATUS, ("X-Request-ID", given))

    assert answer.header("X-Request-ID") == given
    assert logged.line["request_id"] == given


@pytest.mark.parametrize(
    "given", ["", "x" * 65, "a b", "a\nb", "a\n", 'a"b', "é", "a,b", "\x1b[2J", "<a>", "a\\"]
)
def test_an_insane_request_id_is_replaced(logged: Logged, given: str) -> None:
    """What could break a line, a header or a page is not taken."""
    answer = logged.ask(STATUS, HTTP_X_REQUEST_ID=given)

    made = answer.header("X-Request-ID")
    assert made not in (None, given)
    assert logged.line["request_id"] == made


def test_made_ids_differ(logged: Logged) -> None:
    """Each request gets an id of its own."""
    made = {logged.ask(STATUS).header("X-Request-ID") for _ in range(100)}

    assert len(made) == 100


@pytest.mark.parametrize("kind", ["json", "text"])
def test_nothing_that_a_client_sends_forges_a_line(
    make_app: Callable[..., WebApi], kind: str
) -> None:
    """Line breaks and terminal escapes in any part stay inside one line of ASCII."""
    logged = Logged(make_app(), kind)
    evil = 'x\r\n{"level":"info"}\xe2\x80\xa8\x1b[2J\x85'

    logged.ask(
        f"/{evil}?user_id={evil}",
        ("Accept", evil),
        method=evil,
        REMOTE_ADDR=evil,
        HTTP_X_REQUEST_ID=evil,
        HTTP_HOST=evil,
    )

    (line,) = logged.lines
    assert line.isascii()
    assert line[:-1].isprintable()
    assert line.endswith("\n")


def test_an_exception_that_passes_through_is_logged_as_500(logged: Logged) -> None:
    """A request that the application can't answer has its line too."""

    def broken(environ: object, start_response: object) -> list[bytes]:
        raise RuntimeError("broken")

    app = RequestLog(broken, LINES["json", False], logged.lines.append)

    with pytest.raises(RuntimeError, match="broken"):
        truth.call(app, STATUS)

    assert logged.line["status"] == 500


def test_a_line_that_is_off_still_returns_an_id(make_app: Callable[..., WebApi]) -> None:
    """LOG_REQUESTS=off stops the lines alone."""
    assert truth.call(make_app(log_requests=False), STATUS).header("X-Request-ID")


def test_a_forked_process_makes_other_ids() -> None:
    """Two workers never make the same id, though their parent had the application already."""
    import_and_fork = (
        "import os\n"
        "from app.observe.request_id import maker\n"
        "make = maker()\n"
        "first = make()\n"
        "if os.fork() == 0:\n"
        "    print(make(), flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print(first, make(), flush=True)\n"
    )

    child, parent = truth.python(import_and_fork).splitlines()

    assert child.split("-")[0] not in parent


def test_the_layer_costs_microseconds(make_app: Callable[..., WebApi]) -> None:
    """Id, line and header together stay far below what the answer itself costs."""
    environ = truth.environ("GET", STATUS, [HOST])

    def empty(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "0")])
        return []

    def fastest(app: Callable[..., Any]) -> float:
        best = 1.0
        for _ in range(20):
            started = time.perf_counter()
            for _ in range(500):
                app(environ, lambda *_: None)
            best = min(best, (time.perf_counter() - started) / 500)
        return best

    with_layer = fastest(RequestLog(empty, LINES["json", False], lambda _: None))

    assert with_layer - fastest(empty) < 20e-6


@pytest.mark.parametrize(
    ("method", "target", "route"),
    [
        ("GET", "/CHARGEPROCESS/status?user_id=x", "/ChargeProcess/Status"),
        ("GET", "/ChargeProcess/Status", "/ChargeProcess/Status"),
        ("POST", "/ChargeProcess/Status?user_id=1", "/ChargeProcess/Status"),
        ("GET", "/ChargeProcess/Nothing?user_id=1", None),
    ],
)
def test_an_errors_line_names_the_action_that_was_meant(
    make_app: Callable[..., WebApi],
    capfd: pytest.CaptureFixture[str],
    method: str,
    target: str,
    route: str | None,
) -> None:
    """Where there is one."""
    truth.call(make_app(log_format="json"), target, method=method)

    assert json.loads(capfd.readouterr().out)["route"] == route
