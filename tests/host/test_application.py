"""Web API's rules hosted in Flask, and the settings that change answers."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from flask import Response, abort, url_for

from app.config import Settings
from app.factory import create_app
from app.host.application import WebApi
from tests import truth

_PATH = "/ChargeProcess/Status?user_id="
_HOST = [("Host", "legacy.example")]
Make = Callable[..., WebApi]


_ODD_HOSTS = [
    *["a" * 70 + ".svc.cluster.local:8080", "a..b", ".x", "[::1", "a b", "a,b", "a'b", "xn--a"],
]


def _json(status: int, message: str) -> tuple[int, bytes]:
    return status, f'{{"Message":"{message}"}}'.encode()


def _ask(app: WebApi, target: str, method: str = "GET", **environ: str) -> tuple[int, bytes]:
    answer = truth.call(app, target, _HOST, method, **environ)
    return answer.status, answer.body


def test_an_applications_own_routes_go_on_working(make_app: Make) -> None:
    """A Flask route beside the actions is found, in its own case only."""
    app = make_app()

    @app.get("/extra/<name>")
    def extra(name: str) -> str:
        return f"{name} {url_for('extra', name='x')} {url_for('ChargeProcess/Status')}"

    assert _ask(app, "/extra/a%20b") == (200, b"a b /extra/x /ChargeProcess/Status")
    assert _ask(app, "/Extra/a")[0] == 404
    assert _ask(app, "/extra/a", "POST") == _json(
        405, "The requested resource does not support http method 'POST'."
    )


def test_urls_are_built_under_the_base_path(make_app: Make) -> None:
    """url_for knows the virtual directory, in which other routes lie too."""
    app = make_app(base_path="/ChargeCloudAPI")

    @app.get("/extra")
    def extra() -> str:
        return url_for("ChargeProcess/Status")

    assert _ask(app, "/chargecloudapi/extra") == (200, b"/ChargeCloudAPI/ChargeProcess/Status")
    assert _ask(app, "/extra")[0] == 404


def test_flasks_test_client_works(make_app: Make) -> None:
    """What tests of a Flask application use."""
    answer = make_app().test_client().get(f"{_PATH}1", headers={"Accept": "text/xml"})

    assert answer.content_type == "text/xml; charset=utf-8"
    assert answer.text.startswith("<ChargeProcess ")


def test_hooks_see_the_action(make_app: Make) -> None:
    """An after-request hook changes an action's answer."""
    app = make_app()

    @app.after_request
    def mark(response: Response) -> Response:
        response.headers["X-Mark"] = "1"
        return response

    assert truth.call(app, f"{_PATH}1").header("X-Mark") == "1"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (403, "Forbidden"),
        (429, "Too Many Requests"),
        (404, "No HTTP resource was found that matches the request URI 'http://legacy.example/x'."),
        (500, "An error has occurred."),
    ],
)
def test_what_an_extension_aborts_with_is_negotiated(make_app: Make, code: int, said: str) -> None:
    """abort() gives an HttpError, never HTML."""
    app = make_app()
    app.add_url_rule("/x", view_func=lambda: abort(code))

    status, body = _ask(app, "/x")

    assert status == code
    assert body.decode().startswith(f'{{"Message":"{said}'[:60])


def test_what_an_extension_says_is_shown(make_app: Make) -> None:
    """Its own words, not Werkzeug's, are the message."""
    app = make_app()
    app.add_url_rule("/x", view_func=lambda: abort(403, "Not today."))

    assert _ask(app, "/x") == _json(403, "Not today.")


@pytest.mark.parametrize("host", _ODD_HOSTS)
def test_any_host_is_answered(make_app: Make, host: str) -> None:
    """Actions, errors, probes and documents alike; an error shows the host."""
    app = make_app()
    headers = [("Host", host)]

    asked = {path: truth.call(app, path, headers).status for path in ("/healthz", "/Help")}
    status = truth.call(app, f"{_PATH}1", headers)
    unknown = truth.call(app, "/x", [*headers, ("Accept", "text/json")])

    assert asked == {"/healthz": 200, "/Help": 200}
    assert status.status == 200
    assert unknown.status == 404
    assert truth.json_of(unknown)["Message"] == (
        f"No HTTP resource was found that matches the request URI 'http://{host}/x'."
    )
    assert truth.call(app, "/healthz", headers, "POST").status == 405


def test_an_unclosed_bracket_is_a_500_and_the_clients_doing(
    make_app: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """One line of the log names it, without a traceback."""
    answer = _ask(make_app(), "/ChargeProcess/Status?user_id=1&x%5B=1", "POST")

    assert answer == _json(500, "An error has occurred.")
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]
    assert "a name in the query has an unclosed bracket" in caplog.text


def test_a_known_verb_counts_in_any_case(make_app: Make) -> None:
    """IIS hands get on as GET; any other token is a wrong verb, whatever its length."""
    app = make_app()

    assert _ask(app, f"{_PATH}1", "get")[0] == 200
    assert _ask(app, f"{_PATH}1", "Post") == _json(
        405, "The requested resource does not support http method 'POST'."
    )
    assert _ask(app, f"{_PATH}1", "Q" * 100) == _json(
        405, f"The requested resource does not support http method '{'Q' * 100}'."
    )


def test_a_failure_is_a_500_without_its_reason(
    make_app: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """What failed is in the log only."""
    app = make_app()

    @app.get("/broken")
    def broken() -> str:
        raise LookupError("secret")

    assert _ask(app, "/broken") == _json(500, "An error has occurred.")
    assert "secret" in caplog.text


def test_a_broken_store_is_a_500_with_a_line_in_the_log(
    make_app: Make, broken_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the store, in one line and without a traceback."""
    app = make_app(database_url=broken_url)

    assert _ask(app, f"{_PATH}1") == _json(500, "An error has occurred.")
    assert [record.exc_info for record in caplog.records] == [None]
    assert "broken.sqlite can't be" in caplog.text


@pytest.mark.parametrize(
    ("setting", "status", "body"),
    [
        ("null", 200, b"null"),
        ("204", 204, b""),
        (
            "404",
            404,
            b'{"Message":"No HTTP resource was found that matches the request URI'
            b" 'http://legacy.example/ChargeProcess/Status?user_id=7'.\"}",
        ),
    ],
)
def test_no_process(make_app: Make, setting: str, status: int, body: bytes) -> None:
    """NO_PROCESS says what a user without a process gets."""
    assert _ask(make_app(no_process=setting), f"{_PATH}7") == (status, body)


@pytest.mark.parametrize(
    ("setting", "address", "shown"),
    [
        ("never", "127.0.0.1", False),
        ("local", "127.0.0.1", True),
        ("local", "::1", True),
        ("local", "192.0.2.1", False),
        ("local", "", False),
        ("always", "192.0.2.1", True),
    ],
)
def test_error_detail(make_app: Make, setting: str, address: str, shown: bool) -> None:
    """ERROR_DETAIL says who sees an error's detail."""
    _, body = _ask(make_app(error_detail=setting), "/", REMOTE_ADDR=address)

    assert (b"MessageDetail" in body) is shown


@pytest.mark.parametrize(
    ("hops", "shown"),
    [
        (0, b"http://legacy.example/x"),
        (1, b"https://near.example/x"),
        (2, b"http://far.example/x"),
    ],
)
def test_proxy_hops(make_app: Make, hops: int, shown: bytes) -> None:
    """Forwarded headers are believed from as many proxies as there are."""
    _, body = _ask(
        make_app(proxy_hops=hops),
        "/x",
        HTTP_X_FORWARDED_HOST="far.example, near.example",
        HTTP_X_FORWARDED_PROTO="http, https",
    )

    assert shown in body


def test_a_forwarded_client_is_not_local(make_app: Make) -> None:
    """Behind a proxy the client's address decides over error details."""
    app = make_app(proxy_hops=1, error_detail="local")

    _, body = _ask(app, "/", HTTP_X_FORWARDED_FOR="192.0.2.1")

    assert b"MessageDetail" not in body


def test_a_store_is_made_at_its_first_use(tmp_path: Path) -> None:
    """Making the application touches nothing; the first question makes an empty store."""
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path / 'b.sqlite'}"))
    assert list(tmp_path.iterdir()) == []

    assert _ask(app, f"{_PATH}1") == (200, b"null")
    assert (tmp_path / "b.sqlite").exists()


def test_an_absolute_target_has_its_own_host(make_app: Make) -> None:
    """The error shows the target's host, not the header's."""
    _, body = _ask(make_app(), "HTTP://Other.example:80/x")

    assert b"'http://other.example/x'" in body


def test_raw_bytes_are_utf_8(make_app: Make) -> None:
    """A server that lets them through hands them on byte by byte."""
    target = "/ä?q=%20ü".encode().decode("latin-1")

    _, body = _ask(make_app(), target)

    assert "'http://legacy.example/ä?q= ü'".encode() in body


def test_an_odd_host_injects_nothing(make_app: Make) -> None:
    """A Host header with markup is text in both formats."""
    host = 'a"</Message><b>'
    app = make_app()

    in_json = truth.call(app, "/x", [("Host", host)]).body
    in_xml = truth.call(app, "/x", [("Host", host), ("Accept", "text/xml")]).body

    assert b'a\\"</message><b>/x' in in_json
    assert b'a"&lt;/message&gt;&lt;b&gt;/x' in in_xml


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("target", ["///ChargeProcess/Status?user_id=1", "///"])
def test_leading_slashes_reach_nothing(
    make_app: Callable[..., WebApi], method: str, target: str
) -> None:
    """Werkzeug skips them, Web API doesn't; found by fuzzing as a 500."""
    answer = truth.call(make_app(), target, method=method)

    assert answer.status == 404


def test_the_way_of_a_request_is_short(make_app: Make) -> None:
    """At most eight modules lead from the server to the rules of Web API and into the store."""
    app = make_app()
    root = str(Path(__file__).parent.parent.parent / "app")
    met: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if frame.f_code.co_filename.startswith(root):
            met.add(str(Path(frame.f_code.co_filename).relative_to(root)))

    # Whatever is made at the first request is made before.
    _ask(app, f"{_PATH}1")
    sys.setprofile(note)
    try:
        _ask(app, f"{_PATH}1")
    finally:
        sys.setprofile(None)

    rooms = {name.partition("/")[0] for name in met}
    way = {name for name in met if not name.startswith(("webapi/", "store/"))}
    assert rooms == {"observe", "host", "webapi", "store"}
    assert len(way) + len({"webapi", "store"}) <= 8, way
