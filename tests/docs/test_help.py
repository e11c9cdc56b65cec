"""The help page, as a client of the application reads it."""

import re
import shlex
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser

import pytest

from app.host.application import WebApi
from schemas.charge_process import ChargeProcess
from tests.truth import RECORDINGS, call

API = "/Help/Api/GET-ChargeProcess-Status_user_id"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:]{8}\.\d{6}[1-9][+-]\d\d:\d\d")


class _Words(HTMLParser):
    """Collects what is visible in main."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside |= tag == "main"

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag != "main"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.words += data.split()


def _words(html: bytes) -> list[str]:
    parser = _Words()
    parser.feed(_MOMENT.sub("MOMENT", html.decode()))
    return parser.words


def test_the_api_page_says_what_the_legacy_page_said(make_app: Callable[..., WebApi]) -> None:
    """Word for word, the moment of the samples and the file's table marks aside."""
    legacy = _MOMENT.sub("MOMENT", (RECORDINGS / "help-page.txt").read_text(encoding="utf-8"))
    expected = [word for word in legacy.replace("|", " ").split() if word != "---"]

    answer = call(make_app(), API)

    assert answer.status == 200
    assert _words(answer.body) == expected


@pytest.mark.parametrize(
    "path",
    ["/Help", "/HELP/", "/help/index", API.upper(), API.lower(), "/hELP/rESOURCEmODEL?MODELNAME=x"],
)
def test_the_legacy_addresses_match_in_any_case(make_app: Callable[..., WebApi], path: str) -> None:
    """Every one is a page, not a missing route."""
    answer = call(make_app(), path)

    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert answer.header("Cache-Control") == "no-cache"
    assert answer.header("Pragma") == "no-cache"
    assert answer.header("Expires") == "-1"


@pytest.mark.parametrize("path", ["/Help/Api/GET-None", "/Help/ResourceModel?modelName=None"])
def test_an_unknown_name_says_that_nothing_is_there(
    make_app: Callable[..., WebApi], path: str
) -> None:
    """With status 404 and the way to what is there."""
    answer = call(make_app(), path)

    assert answer.status == 404
    assert b"<h1>Nothing is here</h1>" in answer.body
    assert b'<a href="/Help">The help page</a>' in answer.body


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_other_verbs_get_405(make_app: Callable[..., WebApi], method: str) -> None:
    """As an action answers them."""
    answer = call(make_app(), "/HELP", method=method)

    assert (answer.status, answer.header("Allow")) == (405, "GET")


def test_other_routes_keep_their_case(make_app: Callable[..., WebApi]) -> None:
    """Only the documents match in any case."""
    assert call(make_app(), "/HEALTHZ", method="POST").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/Help",
        API,
        "/Help/ResourceModel?modelName=ChargeProcess",
        "/Help/Try/GET-ChargeProcess-Status_user_id?value=1",
        "/Help/style.css",
        "/Help/script.js",
        "/openapi.json",
        "/schemas/ChargeProcess.xsd",
        "/schemas/ChargeProcess.json",
    ],
)
def test_the_setting_hides_the_documents(make_app: Callable[..., WebApi], path: str) -> None:
    """They answer as any unknown path."""
    answer = call(make_app(help_page=False), path)

    assert answer.status == 404
    assert answer.body.startswith(b'{"Message":"No HTTP resource was found')


def test_links_stand_below_the_base_path(make_app: Callable[..., WebApi]) -> None:
    """A followed link leads to a page."""
    app = make_app(base_path="/Cloud/API")
    for page in ("/Help", API, "/Help/ResourceModel?modelName=ChargeProcess"):
        links = re.findall(r'href="([^"]+)"', call(app, f"/Cloud/API{page}").body.decode())

        assert "/Cloud/API/openapi.json" in links
        assert "/Cloud/API/Help/icon.svg" in links
        assert {call(app, link).status for link in links if link != "#main"} == {200}


@pytest.mark.parametrize(
    "path",
    [
        "/Help",
        API,
        "/Help/Api/None",
        "/Help/ResourceModel?modelName=ChargeProcess",
        "/Help/Try/GET-ChargeProcess-Status_user_id?value=1",
    ],
)
def test_a_screen_reader_finds_its_way(make_app: Callable[..., WebApi], path: str) -> None:
    """A language, a title, one main part to skip to, and headings without a gap."""
    html = call(make_app(), path).body.decode()
    levels = [int(level) for level in re.findall(r"<h(\d)", html)]

    assert '<html lang="en">' in html
    assert re.search(r"<title>[^<]+</title>", html)
    assert re.findall(r"<main[^>]*>", html) == ['<main id="main">']
    assert html.index('<a class="skip" href="#main">') < html.index("<nav aria-label=")
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip([0, *levels], levels, strict=False))
    assert html.count("<th ") == html.count('<th scope="col">')


@pytest.mark.parametrize(
    "path",
    [
        "/Help/Api/%3Cscript%3Ealert(1)",
        "/Help/Api/%22onload=alert(1)",
        "/Help/ResourceModel?modelName=%3Cscript%3Ealert(1)%3C/script%3E",
    ],
)
def test_no_path_or_query_runs_script(make_app: Callable[..., WebApi], path: str) -> None:
    """It is not repeated as markup, and no script may run anyway."""
    answer = call(make_app(), path)

    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert answer.header("Content-Security-Policy") == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        " form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    assert re.findall(rb"<script[^>]*>", answer.body) == [b'<script src="/Help/script.js" defer>']
    assert b"alert" not in answer.body
    assert b"onload" not in answer.body


def test_an_unknown_path_below_is_no_page(make_app: Callable[..., WebApi]) -> None:
    """It is answered with an HttpError, which no browser reads as HTML."""
    answer = call(make_app(), "/Help/Api/%3Cscript%3Ealert(1)%3C%2Fscript%3E")

    assert answer.status == 404
    assert answer.header("Content-Type") == "application/json; charset=utf-8"


def test_the_index_has_a_curl_line_for_each_format(make_app: Callable[..., WebApi]) -> None:
    """A copied line goes to the same host, and the service answers it in that format."""
    app = make_app(base_path="/Cloud")
    page = call(app, "/Cloud/Help", [("Host", "api.example:8080")]).body.decode()

    commands = [shlex.split(unescape(text)) for text in re.findall(r">(curl [^<]+)<", page)]

    assert [" ".join(command[:2]) for command in commands] == ["curl -i"] * 2
    for command, kind in zip(commands, ("application/json", "application/xml"), strict=True):
        assert command[2:4] == ["-H", f"Accept: {kind}"]
        target = command[4].removeprefix("http://api.example:8080")
        answer = call(app, target, [("Host", "api.example:8080"), ("Accept", kind)])
        assert answer.header("Content-Type") == f"{kind}; charset=utf-8"


def test_a_host_cant_leave_the_shells_quotes(make_app: Callable[..., WebApi]) -> None:
    """The curl line of an odd Host is still one word for its URL."""
    page = call(make_app(), "/Help", [("Host", "a';touch x;'")]).body.decode()

    (command, _) = [shlex.split(unescape(text)) for text in re.findall(r">(curl [^<]+)<", page)]

    assert command[4] == "http://a';touch x;'/ChargeProcess/Status?user_id=1"


def test_the_model_page_says_how_each_member_is_written(make_app: Callable[..., WebApi]) -> None:
    """CLR type, null, range, and the bytes of both formats."""
    page = call(make_app(), "/Help/ResourceModel?modelName=chargeprocess").body.decode()
    rows = [re.sub(r"<[^>]+>", " ", row) for row in re.findall(r"<tr>(.*?)</tr>", page, re.S)[1:]]
    found = {row.split()[0]: unescape(" ".join(row.split())) for row in rows}

    assert list(found) == list(ChargeProcess.members())
    assert "System.Int32 Never null; -2147483648 to 2147483647." in found["process_id"]
    assert found["price"].endswith("JSON 19.0 XML 19")
    assert "JSON 1 XML 1" in found["process_id"]
    assert all(field.range in found[name] for name, field in ChargeProcess.members().items())
