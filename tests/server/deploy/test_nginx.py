"""The site for nginx, in Debian's nginx, in front of the service."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests import packages, truth
from tests.server.deploy import site

_STATUS = "/ChargeProcess/Status?user_id=1"
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


@contextmanager
def _behind_nginx(
    folder: Path, env: dict[str, str], *more: str, **settings: str
) -> Iterator[tuple[int, int]]:
    """Serve behind nginx; yields nginx's port and the service's own."""
    own, port = truth.free_port(), truth.free_port()
    serve = [*site.CHARGECLOUD, "serve", "--bind", f"127.0.0.1:{own}"]
    settings = {f"CHARGECLOUD_{name}": value for name, value in settings.items()}
    with ExitStack() as stack:
        stack.enter_context(truth.running(serve, own, {**env, **settings}, folder))
        stack.enter_context(site.nginx(folder, env, port, [own], *more))
        yield port, own


@pytest.fixture
def env(clean_env: dict[str, str], database_url: str) -> dict[str, str]:
    """The environment of a service on the recorded processes."""
    return {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}


def test_nginx_takes_the_site(env: dict[str, str], tmp_path: Path) -> None:
    """nginx -t finds nothing to say but that it is fine."""
    configuration = site.write(tmp_path, env, truth.free_port(), [truth.free_port()])

    done = subprocess.run(
        [
            packages.program("nginx"),
            "-t",
            "-p",
            str(tmp_path),
            "-c",
            str(configuration),
            "-e",
            "stderr",
        ],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_answers_stay_byte_identical_behind_nginx(env: dict[str, str], tmp_path: Path) -> None:
    """Every recording has its recorded answer, but for what nginx itself refuses.

    That is TRACE, and a path with a % that begins no escape.
    """
    wrong: list[str] = []
    refused: list[truth.Recording] = []
    with _behind_nginx(tmp_path, env, "--rate", "1000000") as (port, _):
        client = site.TlsClient(port)
        recorded = [
            item for item in truth.recordings() if not (item.breaks_store or item.error_detail)
        ]
        for item in recorded:
            answer = client.ask(item.method, item.target, item.headers)
            if answer.header("X-Request-ID") is None:
                refused.append(item)
            else:
                wrong += truth.differences(item, answer)
        client.close()

    assert wrong == []
    others = [item.target for item in refused if item.method != "TRACE"]
    assert all(_BROKEN_ESCAPE.search(target.partition("?")[0]) for target in others)
    assert len(refused) < len(recorded) / 50


def test_the_proxy_is_believed(env: dict[str, str], tmp_path: Path) -> None:
    """Error texts show the client's https, and a forged forwarded header goes nowhere."""
    forged = [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "evil")]
    with _behind_nginx(tmp_path, env, PROXY_HOPS="1") as (port, _):
        client = site.TlsClient(port)
        answer = client.ask("GET", "/no/such", [("Host", "legacy.example"), *forged])
        client.close()

    assert "'https://legacy.example/no/such'" in truth.json_of(answer)["Message"]


def test_no_proxy_is_believed_by_default(env: dict[str, str], tmp_path: Path) -> None:
    """gunicorn itself would take X-Forwarded-Proto from each client on the same machine."""
    forged = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")]
    with _behind_nginx(tmp_path, env) as (_, own):
        client = truth.Client(own)
        answer = client.ask("GET", "/no/such", [("Host", "legacy.example"), *forged])
        client.close()

    assert "'http://legacy.example/no/such'" in truth.json_of(answer)["Message"]


def test_an_address_is_limited(env: dict[str, str], tmp_path: Path) -> None:
    """More than the rate and its burst gets 429."""
    with _behind_nginx(tmp_path, env, "--rate", "1") as (port, _):
        client = site.TlsClient(port)
        statuses = [
            client.ask("GET", _STATUS, [("Host", "legacy.example")]).status for _ in range(10)
        ]
        client.close()

    assert statuses[:3] == [200, 200, 200]
    assert statuses[-1] == 429


_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: legacy.example\r\n\r\n"
_POST = b"POST /a/b HTTP/1.1\r\nHost: legacy.example\r\n"
ATTACKS = {
    "CL.TE": _POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE.CL": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": _POST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "the same length twice": _POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": _POST + b"Content-Length: 0, 0\r\n\r\n",
    "a signed length": _POST + b"Content-Length: +0\r\n\r\n",
    "TE unknown": _POST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "TE twice": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
    "a blank before the colon": _POST + b"Content-Length : 0\r\n\r\n",
    "bare CR": _POST + b"X: a\rContent-Length: 0\r\n\r\n",
}


def _raw(connection: socket.socket, request: bytes) -> bytes:
    """Send bytes and return all that comes back until the other end closes."""
    with connection:
        connection.settimeout(5)
        connection.sendall(request + _SMUGGLED)
        got = b""
        try:
            while part := connection.recv(65536):
                got += part
        except (TimeoutError, ConnectionResetError):
            pass
        return got


def test_smuggled_requests_are_refused(env: dict[str, str], tmp_path: Path) -> None:
    """nginx or the service refuse the request and what followed it."""
    with _behind_nginx(tmp_path, env) as (port, own):
        front = {name: _raw(site.TlsClient(port).connect(), sent) for name, sent in ATTACKS.items()}
        back = {name: _raw(truth.Client(own).connect(), sent) for name, sent in ATTACKS.items()}

    for name, answer in [*front.items(), *back.items()]:
        first = answer.partition(b"\r\n")[0]
        assert b" 400 " in first or b" 501 " in first or answer == b"", (name, answer)
        assert b"smuggled" not in answer, name


def test_bare_line_feeds_are_refused_by_the_service_and_straightened_by_nginx(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Neither sees two requests in one; nginx 1.22 has no switch to refuse them."""
    request = b"GET /a/b HTTP/1.1\nHost: legacy.example\nConnection: close\nX: /smuggled\n\n"
    with _behind_nginx(tmp_path, env) as (port, own):
        front = _raw(site.TlsClient(port).connect(), request)
        back = _raw(truth.Client(own).connect(), request)

    assert front.count(b"HTTP/1.1 ") == 1
    assert b" 400 " in back.partition(b"\r\n")[0]
    assert b"smuggled" not in front + back


def test_slow_clients_do_not_stop_others(env: dict[str, str], tmp_path: Path) -> None:
    """200 clients that send a header byte by byte leave the service to everyone else."""
    with ExitStack() as stack:
        port, _ = stack.enter_context(_behind_nginx(tmp_path, env))
        slow = [stack.enter_context(site.TlsClient(port).connect()) for _ in range(200)]
        for connection in slow:
            connection.sendall(b"GET /ChargeProcess/Status?user_id=1 HTTP/1.1\r\nHost: leg")
        client = site.TlsClient(port)
        started = time.monotonic()
        for connection in slow:
            # nginx ends a head that takes longer than ten seconds.
            with suppress(OSError):
                connection.sendall(b"a")
            if connection is slow[100]:
                answers = [
                    client.ask("GET", _STATUS, [("Host", "legacy.example")]) for _ in range(20)
                ]
        client.close()

        assert {answer.status for answer in answers} == {200}
        assert time.monotonic() - started < 5
