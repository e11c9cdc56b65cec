"""ALLOWED_HOSTS."""

from collections.abc import Callable

import pytest

from app.host.application import WebApi
from tests import truth

STATUS = "/ChargeProcess/Status?user_id=1"


@pytest.mark.parametrize(
    ("host", "target", "status"),
    [
        ("api.example", STATUS, 200),
        ("API.Example:8443", STATUS, 200),
        ("a.charge.example", STATUS, 200),
        ("charge.example", STATUS, 400),
        ("evilcharge.example", STATUS, 400),
        ("api.example.evil.example", STATUS, 400),
        ("evil.example", STATUS, 400),
        ("", STATUS, 400),
        ("api.example/@evil.example", STATUS, 400),
        ("api.example:80:80", STATUS, 400),
        ("api.example\nevil", STATUS, 400),
        ("api.example", f"http://api.example{STATUS}", 200),
        ("api.example", f"http://evil.example{STATUS}", 400),
        ("api.example", f"HTTP://u@api.example{STATUS}", 400),
        ("evil.example", "/no/such", 400),
        ("10.0.0.7", "/healthz", 200),
        ("10.0.0.7", "/readyz", 200),
    ],
)
def test_only_allowed_hosts_are_served(
    make_app: Callable[..., WebApi], host: str, target: str, status: int
) -> None:
    """Header and absolute-form target count, probes are let through."""
    app = make_app(allowed_hosts=("api.example", ".charge.example"))

    answer = truth.call(app, target, [("Host", host)])

    assert answer.status == status


def test_the_refusal_repeats_nothing_and_is_negotiated(make_app: Callable[..., WebApi]) -> None:
    """The text is http.sys's, in the shape and format of all errors."""
    app = make_app(allowed_hosts=("api.example",))

    answer = truth.call(app, STATUS, [("Host", "<evil>"), ("Accept", "text/xml")])

    assert answer.body == b"<Error><Message>Bad Request - Invalid Hostname</Message></Error>"


@pytest.mark.parametrize("host", ['a"b\\', "<script>alert(1)</script>", "a'b", "a\u00e9b", "a b"])
def test_an_odd_host_in_an_error_text_stays_a_text(
    make_app: Callable[..., WebApi], host: str
) -> None:
    """JSON and XML escape it, so it can inject nothing; by default any host is served."""
    json_answer = truth.call(make_app(), "/no/such", [("Host", host)])
    xml_answer = truth.call(make_app(), "/no/such", [("Host", host), ("Accept", "text/xml")])

    assert set(truth.json_of(json_answer)) == {"Message"}
    assert xml_answer.body.count(b"<") == 4
    assert [name for name, _ in json_answer.headers] == [name for name, _ in xml_answer.headers]


@pytest.mark.parametrize(("hops", "shown"), [(0, "http://real/"), (1, "https://forwarded/")])
def test_forwarded_headers_are_believed_from_configured_proxies_only(
    make_app: Callable[..., WebApi], hops: int, shown: str
) -> None:
    """PROXY_HOPS=0 believes none."""
    headers = [
        ("Host", "real"),
        ("X-Forwarded-Host", "forwarded"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "192.0.2.1"),
    ]

    answer = truth.call(make_app(proxy_hops=hops), "/no/such", headers)

    assert shown in truth.json_of(answer)["Message"]
