"""The form that calls the service, as a browser without scripts sends it."""

import html
import re
import shlex
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.host.application import WebApi
from app.store.store import Store
from app.webapi.negotiation import Ranking
from schemas.charge_process import ChargeProcess
from tests import truth

_PAGE = "/Help/Try/GET-ChargeProcess-Status_user_id"
_HOST = ("Host", "legacy.example")


def _try(app: WebApi, *headers: tuple[str, str], **fields: str) -> str:
    """Send the form and return the page."""
    query = urlencode({name.replace("_", "-"): text for name, text in fields.items()})
    answer = truth.call(app, f"{_PAGE}?{query}", [_HOST, *headers])
    assert answer.status == 200
    return answer.body.decode()


def _body(page: str) -> str:
    """Return the raw body that a page shows."""
    (shown,) = re.findall(r'<pre id="body"[^>]*>(.*?)</pre>', page, re.S)
    return html.unescape(shown).removeprefix("\n")


@pytest.mark.parametrize("accept", ["application/json", "text/xml"])
def test_the_body_is_that_of_the_wire(make_app: Callable[..., WebApi], accept: str) -> None:
    """Character for character, with status and headers."""
    app = make_app()
    target = "/ChargeProcess/Status?user_id=1"
    wire = truth.call(app, target, [_HOST, ("Accept", accept)])

    page = _try(app, value="1", Accept=accept)

    assert _body(page) == wire.body.decode()
    assert f"GET {target}\nAccept: {accept}\n" in page
    assert "\n200 OK\n" in page
    for name, value in wire.headers:
        if name != "X-Request-ID":
            assert f"{name}: {value}\n" in page


def test_utf16_is_shown_as_text_and_bytes(make_app: Callable[..., WebApi]) -> None:
    """With the mark that it begins with."""
    page = _try(make_app(), value="1", Accept="text/xml", Accept_Charset="utf-16")

    assert "Content-Type: text/xml; charset=utf-16" in page
    assert "<code>ff fe 3c 00 43 00" in page
    assert _body(page).startswith("<ChargeProcess xmlns:i=")


@pytest.mark.parametrize(
    ("fields", "ranking", "quality", "media_type"),
    [
        ({}, Ranking.TYPE, 1.0, "application/json"),
        ({"Accept": "text/xml;q=0.4"}, Ranking.LITERAL, 0.4, "text/xml"),
        ({"Accept": "text/*;q=0.5"}, Ranking.SUBTYPE_RANGE, 0.5, "text/json"),
        ({"Accept": "*/*;q=0.1"}, Ranking.ALL_RANGE, 0.1, "application/json"),
        (
            {"X_Requested_With": "XMLHttpRequest"},
            Ranking.MAPPING,
            1.0,
            "application/json",
        ),
    ],
)
def test_the_rule_is_explained(
    make_app: Callable[..., WebApi],
    fields: dict[str, str],
    ranking: Ranking,
    quality: float,
    media_type: str,
) -> None:
    """Ranking, quality and media type are those of the match."""
    page = _try(make_app(), value="1", **fields)

    assert f"<dt>Ranking</dt><dd>{ranking.name.lower().replace('_', ' ')}: " in page
    assert f"<dt>Quality</dt><dd>{quality}</dd>" in page
    assert f"<dt>Media type</dt><dd>{media_type}</dd>" in page


def test_an_error_is_an_answer_too(make_app: Callable[..., WebApi]) -> None:
    """With the URI of the request's Host."""
    page = _try(make_app(error_detail="always"), value="x y", Accept="text/json")

    assert "\n400 Bad Request\n" in page
    assert _body(page).startswith('{"Message":"The request is invalid."')
    assert "user_id=x%20y" in page


def test_nothing_is_asked_before_the_form_is_sent(make_app: Callable[..., WebApi]) -> None:
    """Only the form is there, with a label for each field."""
    page = truth.call(make_app(), _PAGE).body.decode()

    assert "<h2" not in page
    labels = set(re.findall(r'<label for="([^"]+)"', page))
    assert labels == set(re.findall(r'<input id="([^"]+)"', page))
    assert len(labels) == 4


def test_what_was_typed_stays_in_the_form(make_app: Callable[..., WebApi]) -> None:
    """Escaped."""
    page = _try(make_app(), value='"><script>alert(1)</script>', Accept="<b>")

    assert "<script>alert" not in page
    assert 'value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("accept", "sent"),
    [("a\r\nX-Evil: 1", "a??X-Evil: 1"), ("\x00", "?"), ("text/xml\u20ac", "text/xml?")],
)
def test_a_header_cant_be_split(make_app: Callable[..., WebApi], accept: str, sent: str) -> None:
    """What no header can hold is sent, and shown as sent, as a question mark."""
    page = _try(make_app(), value="1", Accept=accept)

    assert f"\nAccept: {sent}\n\n200 OK\n" in page


def test_a_stored_value_is_only_text(make_app: Callable[..., WebApi], tmp_path: object) -> None:
    """A hostile station's name is shown and not run, in JSON and XML."""
    url = f"sqlite:///{tmp_path}/hostile.sqlite"
    name = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>"
    members = dict.fromkeys(ChargeProcess.members())
    row = ChargeProcess.row({**members, "process_id": 1, "station_name": name})
    Store(url, RESOURCES).replace(CHARGE_PROCESS, [(1, *row)])
    app = make_app(database_url=url)

    for accept in ("application/json", "application/xml"):
        page = _try(app, value="1", Accept=accept)
        assert "<img" not in page
        assert page.count("<script") == 1
        assert "alert(1)" in _body(page)


def test_an_unknown_action_is_not_found(make_app: Callable[..., WebApi]) -> None:
    """As on the other pages."""
    assert truth.call(make_app(), "/Help/Try/GET-None").status == 404


def test_the_form_opens_nothing(make_app: Callable[..., WebApi], tmp_path: object) -> None:
    """Who has no key sees neither the form nor an answer; with a key both."""
    file = f"{tmp_path}/keys"
    app = make_app(api_keys_file=file)
    made = app.test_cli_runner().invoke(args=["keys", "add", "partner"])
    key = made.output.split()[-1]

    without = truth.call(app, f"{_PAGE}?value=1", [_HOST])
    page = _try(app, ("X-API-Key", key), value="1")

    assert without.status == 401
    assert "\n200 OK\n" in page
    assert key not in page


def test_the_form_knows_the_allowed_hosts(make_app: Callable[..., WebApi]) -> None:
    """A request that names another is refused before the service is called."""
    app = make_app(allowed_hosts=("legacy.example",))

    assert "\n200 OK\n" in _try(app, value="1")
    assert truth.call(app, f"{_PAGE}?value=1", [("Host", "other.example")]).status == 400


@pytest.mark.parametrize("fields", [{}, {"Accept": "text/xml;q=0.4"}, {"Accept": "it's"}])
def test_the_curl_line_sends_what_was_sent(
    make_app: Callable[..., WebApi], fields: dict[str, str]
) -> None:
    """Header for header; curl's own Accept is switched off."""
    page = _try(make_app(), value="1 2", **fields)

    (shown,) = re.findall(r'<pre id="curl"[^>]*>([^<]+)</pre>', page)

    header = f"Accept: {fields['Accept']}" if fields else "Accept:"
    target = "http://legacy.example/ChargeProcess/Status?user_id=1%202"
    assert shown.startswith("curl -i ")
    assert shlex.split(html.unescape(shown))[2:] == ["-H", header, target]


@pytest.mark.parametrize(
    ("name", "ranking"),
    [
        ("Browser", "literal: "),
        ("jQuery", "literal: "),
        ("XML client", "literal: "),
        ("Java&#39;s default", "type: "),
    ],
)
def test_a_preset_sends_what_that_client_sends(
    make_app: Callable[..., WebApi], name: str, ranking: str
) -> None:
    """A link for each usual client, for the user that was typed."""
    app = make_app()
    page = truth.call(app, f"{_PAGE}?value=1001").body.decode()
    (query,) = re.findall(rf'<a href="(\?[^"]+)">{re.escape(name)}</a>', page)

    found = truth.call(app, _PAGE + html.unescape(query)).body.decode()

    assert "GET /ChargeProcess/Status?user_id=1001\n" in found
    assert f"<dt>Ranking</dt><dd>{ranking}" in found
