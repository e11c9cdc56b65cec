"""What Flask promises its users, kept while its work is cut."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Response, before_render_template, current_app, g, request, session, url_for
from flask.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)

from app.host.lean import LeanFlask, ReadyResponse
from tests import truth


@pytest.fixture
def app() -> LeanFlask:
    """An application with one route."""
    app = LeanFlask("lean")
    app.secret_key = "for sessions"

    @app.get("/ready")
    def ready() -> Response:
        headers = [("Content-Type", "text/plain"), ("Content-Length", "5")]
        return ReadyResponse.ready("200 OK", headers, b"ready")

    @app.get("/path/<name>")
    def path(name: str) -> str:
        return f"{name} {request.method} {request.args.get('q')} {request.headers['Host']}"

    return app


def test_a_ready_response_is_sent_as_it_is(app: LeanFlask) -> None:
    """Status, headers and body go out unchanged."""
    answer = truth.call(app, "/ready")

    expected = truth.Answer(
        200, [("Content-Type", "text/plain"), ("Content-Length", "5")], b"ready"
    )
    assert answer == expected


def test_a_ready_response_has_no_body_for_head() -> None:
    """HEAD gets the headers only."""
    response = ReadyResponse.ready("200 OK", [("Content-Length", "5")], b"ready")

    answer = truth.call(response, "/", method="HEAD")

    assert answer.body == b""


def test_a_ready_response_can_be_changed_by_a_hook(app: LeanFlask) -> None:
    """An after-request hook sees and changes status, headers and body."""

    @app.after_request
    def change(response: Response) -> Response:
        assert response.get_data() == b"ready"
        response.status_code = 202
        response.headers["X-Hook"] = "called"
        response.set_data(b"changed")
        return response

    answer = truth.call(app, "/ready")

    assert (answer.status, answer.header("X-Hook"), answer.body) == (202, "called", b"changed")
    assert answer.header("Content-Length") == "7"


def test_a_missing_attribute_of_a_ready_response_is_an_error() -> None:
    """A name that no response has raises AttributeError."""
    response = ReadyResponse.ready("200 OK", [], b"")

    with pytest.raises(AttributeError, match="nothing"):
        _ = response.nothing


def test_a_missing_attribute_of_a_request_is_an_error(app: LeanFlask) -> None:
    """A name that no request has raises AttributeError."""
    with app.test_request_context("/ready"), pytest.raises(AttributeError, match="nothing"):
        _ = request.nothing  # type: ignore[attr-defined]


def test_a_request_has_its_parts(app: LeanFlask) -> None:
    """Method, arguments and headers are there when a view asks."""
    answer = truth.call(app, "/path/charge?q=1", [("Host", "example")])

    assert answer.body == b"charge GET 1 example"


def test_hooks_are_called_in_order(app: LeanFlask) -> None:
    """Before, after and teardown hooks run around the view."""
    calls: list[str] = []
    app.before_request(lambda: calls.append("before"))
    app.after_request(lambda response: calls.append("after") or response)  # type: ignore[func-returns-value]
    app.teardown_request(lambda _: calls.append("teardown request"))
    app.teardown_appcontext(lambda _: calls.append("teardown context"))

    truth.call(app, "/ready")

    assert calls == ["before", "after", "teardown request", "teardown context"]


def test_a_before_hook_can_answer(app: LeanFlask) -> None:
    """What a before-request hook returns is the answer."""
    app.before_request(lambda: ("stopped", 403))

    assert truth.call(app, "/ready").status == 403


@pytest.mark.parametrize(
    "signal",
    [
        appcontext_pushed,
        request_started,
        request_finished,
        request_tearing_down,
        appcontext_tearing_down,
        appcontext_popped,
    ],
    ids=lambda signal: signal.name,
)
def test_signals_are_sent(app: LeanFlask, signal: Any) -> None:
    """Each of Flask's signals reaches its receiver once a request."""
    received: list[object] = []

    def receive(sender: object, **_: object) -> None:
        received.append(sender)

    with signal.connected_to(receive):
        truth.call(app, "/ready")

    assert received == [app]


def test_no_signal_of_templates_is_sent(app: LeanFlask) -> None:
    """A view without a template sends none."""
    received: list[object] = []
    with before_render_template.connected_to(lambda sender, **_: received.append(sender)):
        truth.call(app, "/ready")

    assert received == []


def test_a_session_is_saved_when_it_is_used(app: LeanFlask) -> None:
    """A view that writes to the session sets its cookie, and another reads it."""

    @app.get("/write")
    def write() -> str:
        session["user"] = 7
        return "written"

    @app.get("/read")
    def read() -> str:
        return str(session.get("user"))

    client = app.test_client()

    assert "Set-Cookie" in client.get("/write").headers
    assert client.get("/read").text == "7"
    assert "Set-Cookie" not in client.get("/ready").headers


def test_an_error_handler_answers(app: LeanFlask) -> None:
    """A registered handler gets the exception of a view."""

    @app.get("/broken")
    def broken() -> str:
        raise LookupError("gone")

    @app.errorhandler(LookupError)
    def handle(error: LookupError) -> tuple[str, int]:
        return str(error), 410

    assert truth.call(app, "/broken").status == 410


def test_a_view_may_be_a_coroutine(app: LeanFlask) -> None:
    """An async view is handed to Flask's own wrapper, which here has no asgiref to use."""

    @app.get("/async")
    async def answer() -> str:
        return "never"

    app.testing = True

    with pytest.raises(RuntimeError, match="async"):
        app.test_client().get("/async")


def test_a_generator_is_streamed_with_the_context(app: LeanFlask) -> None:
    """A view may answer with pieces."""

    @app.get("/pieces")
    def pieces() -> Iterator[str]:
        yield from ("a", "b")

    assert truth.call(app, "/pieces").body == b"ab"


def test_contexts_are_bound_and_unbound(app: LeanFlask) -> None:
    """g, current_app and url_for work in a request and g does not outlive it."""

    @app.get("/context")
    def context() -> str:
        seen = g.get("seen", 0)
        g.seen = seen + 1
        return f"{seen} {current_app.name} {url_for('ready')}"

    assert truth.call(app, "/context").body == b"0 lean /ready"
    assert truth.call(app, "/context").body == b"0 lean /ready"
    assert not current_app


def test_flask_answers_options_where_it_is_told_to(app: LeanFlask) -> None:
    """A rule with automatic OPTIONS is answered by Flask."""
    answer = truth.call(app, "/ready", method="OPTIONS")

    assert answer.header("Allow") is not None
