"""What nobody should send is answered in negotiated form, refused by gunicorn, and soon."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.host.application import WebApi
from tests import truth

_PATH = "/ChargeProcess/Status?user_id="
_MANY = ", ".join(f"text/x{number};q=0.{number}" for number in range(100))
_REQUESTS = {
    "8 KB of Accept": (f"{_PATH}1", [("Accept", "a" * 8000)]),
    "8 KB of quotes": (f"{_PATH}1", [("Accept", 'a/b;c="' + "\\" * 8000)]),
    "8 KB of charset": (f"{_PATH}1", [("Accept-Charset", "utf-8;" * 1300)]),
    "8 KB of Content-Type": (f"{_PATH}1", [("Content-Type", "a/b;" * 2000)]),
    "100 elements": (f"{_PATH}1", [("Accept", _MANY)]),
    "100 header lines": (f"{_PATH}1", [("Accept", "a/b")] * 95),
    "NUL in path": ("/Charge%00Process/Status?user_id=1", []),
    "NUL in query": (f"{_PATH}1%00%00&%00=%00", []),
    "broken UTF-8 in path": ("/%FF%C3/%E2%82", []),
    "broken UTF-8 in query": (f"{_PATH}%FF%C3&%ff=1", []),
    "a path of slashes": ("/" * 4000, []),
    "a path of dots": ("/.." * 2000, []),
    "a path of escapes": ("/%41" * 2000, []),
    "broken escapes": ("/" + "%" * 4000, []),
    "digits": (_PATH + "9" * 8000, []),
    "parameters": (_PATH[:-8] + "&".join(f"a{number}" for number in range(1500)), []),
    "brackets": ("/ChargeProcess/Status?user_id[]=1&user_id]=1&" + "[]" * 2000, []),
    "a long method": (f"{_PATH}1", []),
}


@pytest.mark.parametrize(("target", "headers"), _REQUESTS.values(), ids=list(_REQUESTS))
def test_hostile_requests_are_answered_in_process(
    make_app: Callable[..., WebApi], target: str, headers: list[tuple[str, str]]
) -> None:
    """Negotiated, below 500, and within a tenth of a second."""
    app = make_app(error_detail="always")
    started = time.process_time()

    answer = truth.call(app, target, [("Host", "a"), *headers])

    assert answer.status < 500
    assert (answer.header("Content-Type") or "").endswith("; charset=utf-8")
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(
    "target",
    [_PATH + "9" * 1_000_000, _PATH + "1" + "&a=1" * 10_000, "/" + "a/" * 100_000, "/%" * 100_000],
    ids=["a million digits", "10,000 parameters", "a long path", "percents"],
)
def test_what_gunicorn_would_refuse_is_answered_too(
    make_app: Callable[..., WebApi], target: str
) -> None:
    """Another server may let longer targets through."""
    started = time.process_time()

    answer = truth.call(make_app(), target)

    assert answer.status < 500
    assert time.process_time() - started < 1


def test_hostile_requests_are_answered_over_a_socket(
    database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """By the service or by gunicorn, below 500; and the next request is answered as ever."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "python:app.gunicorn_conf",
        "--workers=1",
    ]
    statuses = {}
    with truth.running([*command, "-b", f"127.0.0.1:{port}", "wsgi:app"], port, env, tmp_path):
        requests = {**_REQUESTS, "a million digits": (_PATH + "9" * 1_000_000, [])}
        for name, (target, headers) in requests.items():
            client = truth.Client(port)
            try:
                statuses[name] = client.ask("GET", target, [("Host", "a"), *headers]).status
            except ConnectionError:
                # gunicorn answers a line over its limit and closes while it is still sent.
                statuses[name] = 414
            client.close()
        last = truth.Client(port).ask("GET", f"{_PATH}1", [("Host", "a"), ("Connection", "close")])

    assert {name: status for name, status in statuses.items() if status >= 500} == {}
    assert statuses["a million digits"] == 414
    assert last.status == 200


def test_memory_stays_flat(make_app: Callable[..., WebApi]) -> None:
    """Distinct paths, queries and headers are not kept."""
    app = make_app()

    def ask(first: int) -> None:
        for number in range(first, first + 3000):
            accept = f"text/x{number}, application/x{number};q=0.5"
            truth.call(app, f"/a{number}/b{'x' * 500}?c{number}", [("Accept", accept * 20)])

    ask(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ask(3000)
    ask(6000)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024
