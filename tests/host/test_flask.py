"""What Flask promises its users, here as in a plain Flask application."""

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import (
    Flask,
    Response,
    after_this_request,
    current_app,
    g,
    request,
    session,
    signals,
    url_for,
)

from app.config import Settings
from app.factory import create_app
from tests import truth


@pytest.fixture(params=["Flask", "WebApi"])
def app(request: pytest.FixtureRequest, database_url: str) -> Flask:
    """A plain Flask application and the service's own, with the same routes."""
    own = (
        Flask("app")
        if request.param == "Flask"
        else create_app(Settings(database_url=database_url, log_requests=False))
    )
    own.secret_key = "for sessions"
    own.add_url_rule("/plain", "plain", lambda: "plain")
    return own


def _ask(app: Flask, target: str = "/plain", **headers: str) -> truth.Answer:
    return truth.call(app, target, [("Host", headers.get("Host", "legacy.example"))])


def test_a_function_registered_for_one_request_is_let_go(app: Flask) -> None:
    """Nothing keeps it after the request's end."""
    kept: list[weakref.ref[Any]] = []

    @app.get("/once")
    def once() -> str:
        def mark(response: Response) -> Response:
            response.headers["X-Once"] = "1"
            return response

        kept.append(weakref.ref(mark))
        after_this_request(mark)
        return "once"

    assert _ask(app, "/once").header("X-Once") == "1"
    assert _ask(app).header("X-Once") is None
    gc.collect()
    assert kept[0]() is None


def test_a_permanent_session_is_renewed_with_each_answer(app: Flask) -> None:
    """Also by a view that does not look at it."""

    @app.get("/log-in")
    def log_in() -> str:
        session.permanent = True
        session["user"] = 7
        return "in"

    client = app.test_client()

    assert "Set-Cookie" in client.get("/log-in").headers
    assert "Expires=" in client.get("/plain").headers["Set-Cookie"]


def test_a_session_that_is_not_used_is_not_saved(app: Flask) -> None:
    """No cookie for a client without one."""
    assert _ask(app).header("Set-Cookie") is None


def test_a_204_of_a_view_keeps_its_content_type(app: Flask) -> None:
    """What a view says is sent, whatever a hook looks at."""
    app.add_url_rule("/nothing", view_func=lambda: Response(status=204, mimetype="text/plain"))
    seen: list[int] = []
    app.after_request(lambda response: seen.append(response.status_code) or response)  # type: ignore[func-returns-value]

    answer = _ask(app, "/nothing")

    assert (seen, answer.status, answer.body) == ([204], 204, b"")
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"


def test_a_hook_may_be_unhashable(app: Flask) -> None:
    """Any callable object will do."""

    class Mark:
        __hash__ = None  # type: ignore[assignment]
        __name__ = "mark"

        def __call__(self, response: Response) -> Response:
            response.headers["X-Mark"] = "1"
            return response

    app.after_request(Mark())

    assert _ask(app).header("X-Mark") == "1"


@pytest.mark.parametrize(("host", "status"), [("a.example", 200), ("b.example", 400)])
def test_trusted_hosts_are_the_only_ones(app: Flask, host: str, status: int) -> None:
    """Flask's own setting for the Host header."""
    app.config["TRUSTED_HOSTS"] = ["a.example"]

    assert _ask(app, Host=host).status == status


def test_hooks_are_called_in_order(app: Flask) -> None:
    """Before, after and teardown hooks run around the view."""
    calls: list[str] = []
    app.before_request(lambda: calls.append("before"))
    app.after_request(lambda response: calls.append("after") or response)  # type: ignore[func-returns-value]
    app.teardown_request(lambda _: calls.append("teardown request"))
    app.teardown_appcontext(lambda _: calls.append("teardown context"))

    _ask(app)

    assert calls == ["before", "after", "teardown request", "teardown context"]


@pytest.mark.parametrize(
    "name",
    [
        "appcontext_pushed",
        "request_started",
        "request_finished",
        "request_tearing_down",
        "appcontext_tearing_down",
        "appcontext_popped",
    ],
)
def test_signals_are_sent(app: Flask, name: str) -> None:
    """Each of Flask's signals reaches its receiver once a request."""
    received: list[object] = []

    def receive(sender: object, **_: object) -> None:
        received.append(sender)

    with getattr(signals, name).connected_to(receive):
        _ask(app)

    assert received == [app]


def test_contexts_end_with_their_request(app: Flask) -> None:
    """g, current_app and url_for work in a request, and g does not outlive it."""

    @app.get("/context")
    def context() -> str:
        g.seen = g.get("seen", 0) + 1
        return f"{g.seen} {current_app.name} {url_for('plain', q=request.method)}"

    assert _ask(app, "/context").body == b"1 app /plain?q=GET"
    assert _ask(app, "/context").body == b"1 app /plain?q=GET"
    assert not current_app


def test_a_view_may_answer_in_pieces(app: Flask) -> None:
    """A generator is streamed."""

    @app.get("/pieces")
    def pieces() -> Iterator[str]:
        yield from ("a", "b")

    assert _ask(app, "/pieces").body == b"ab"


def test_an_error_handler_answers(app: Flask) -> None:
    """A registered handler gets the exception of a view."""

    @app.get("/broken")
    def broken() -> str:
        raise LookupError("gone")

    @app.errorhandler(LookupError)
    def handle(error: LookupError) -> tuple[str, int]:
        return str(error), 410

    assert _ask(app, "/broken").status == 410


@pytest.mark.parametrize("change", ["headers", "body", "status"])
def test_a_hook_may_change_the_answer_of_an_action(
    make_app: Callable[..., Flask], change: str
) -> None:
    """It sees a whole response, and what it changes is sent."""
    app = make_app()

    @app.after_request
    def hook(response: Response) -> Response:
        assert response.get_data().startswith(b'{"process_id"')
        if change == "headers":
            response.headers["X-Hook"] = "called"
        elif change == "body":
            response.set_data(b"changed")
        else:
            response.status_code = 202
        return response

    answer = truth.call(app, "/ChargeProcess/Status?user_id=1")

    assert (answer.header("X-Hook") == "called") is (change == "headers")
    assert (answer.body == b"changed") is (change == "body")
    assert answer.status == (202 if change == "status" else 200)
    assert answer.header("Content-Length") == str(len(answer.body))
    assert answer.header("Content-Type") == "application/json; charset=utf-8"


def test_a_204_of_an_action_has_no_content_type(make_app: Callable[..., Flask]) -> None:
    """As Web API's, whatever a hook looks at."""
    app = make_app(no_process="204")
    seen: list[int] = []
    app.after_request(lambda response: seen.append(response.status_code) or response)  # type: ignore[func-returns-value]

    answer = truth.call(app, "/ChargeProcess/Status?user_id=7")

    assert seen == [204]
    assert answer.header("Content-Type") is None


def test_a_response_has_no_other_attributes(make_app: Callable[..., Flask]) -> None:
    """A name that no response has raises AttributeError."""
    app = make_app()

    @app.after_request
    def look(response: Response) -> Response:
        with pytest.raises(AttributeError, match="nothing"):
            _ = response.nothing  # type: ignore[attr-defined]
        return response

    assert truth.call(app, "/ChargeProcess/Status?user_id=1").status == 200
