"""What each part of the printed site does, in Debian's nginx, in front of the service."""

import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app.config import Settings
from app.errors import ConfigError
from app.host.application import WebApi
from tests import truth
from tests.conftest import ROOT
from tests.server.deploy import site

_HOST = ("Host", "legacy.example")
_STATUS = "/ChargeProcess/Status?user_id=1"
_HOSTILE = "gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; merge_slashes on;"


class Served:
    """The service behind nginx, under a base path."""

    def __init__(self, base: str, port: int, own: int, folder: Path, server: truth.Server) -> None:
        self.base = base
        self.port = port
        self.own = own
        self.folder = folder
        self.server = server

    def ask(self, target: str, *headers: tuple[str, str], method: str = "GET") -> truth.Answer:
        """Ask through nginx."""
        client = site.TlsClient(self.port)
        try:
            return client.ask(method, target, [_HOST, ("Connection", "close"), *headers])
        finally:
            client.close()

    def ask_directly(self, target: str) -> truth.Answer:
        """Ask the service."""
        client = truth.Client(self.own)
        try:
            return client.ask("GET", target, [_HOST, ("Connection", "close")])
        finally:
            client.close()


@pytest.fixture(scope="module", params=["", "/ChargeCloudAPI"], ids=["root", "base path"])
def served(
    request: pytest.FixtureRequest, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service with metrics, behind nginx beside settings that other packages bring."""
    folder = tmp_path_factory.mktemp("site")
    env = {name: text for name, text in os.environ.items() if not name.startswith("CHARGECLOUD_")}
    env |= {"PYTHONPATH": str(ROOT), "CHARGECLOUD_DATABASE_URL": database_url}
    env |= {"CHARGECLOUD_METRICS": "on", "CHARGECLOUD_PROXY_HOPS": "1"}
    env |= {"CHARGECLOUD_BASE_PATH": request.param or "/"}
    own, port = truth.free_port(), truth.free_port()
    serve = [sys.executable, "-m", "app", "serve", "--bind", f"127.0.0.1:{own}", "--workers", "1"]
    with (
        truth.running(serve, own, env, folder) as server,
        site.nginx(folder, env, port, [own], "--rate", "1000000", http=_HOSTILE),
    ):
        yield Served(request.param, port, own, folder, server)


_SPELLED = [
    "{base}/{name}/",
    "{base}/{name}%2f",
    "{base}/{name}%2F",
    "{base}/{name}%5c",
    "{base}/{name}\\",
    "{base}/x\\..\\{name}",
    "{base}\\{name}",
    "{base}/\\{name}",
    "{base}/x/../{name}",
    "{base}/x/%2e%2e/{name}",
    "{base}/x/..%2f{name}",
    "{base}/x%2f..%2f{name}",
    "{base}//{name}",
    "/{base}/{name}",
    "{base}/./{name}",
    "{base}/%2e/{name}",
    "{base}/{name}/.",
    "{base}/{name}/x/..",
    "{base}/{upper}",
    "{upper_base}/{upper}",
    "{base}/{escaped}",
    "{base}/{name};a",
    "{base}/{name}.",
    "{base}/{name}%20",
    "{base}/{name}%00",
    "{base}/{name}%3f",
    "{base}/{name}%23",
    "/x/..{base}/{name}",
    "http://legacy.example{base}/{name}/",
    "http://legacy.example/x/..{base}/{name}",
]


def _spelled(base: str, name: str) -> Iterator[str]:
    for form in _SPELLED:
        yield form.format(
            base=base,
            name=name,
            upper=name.upper(),
            upper_base=base.upper(),
            escaped=f"%{ord(name[0]):02x}{name[1:]}",
        )


@pytest.mark.parametrize("name", ["metrics", "readyz"])
def test_nothing_behind_nginx_shows_what_is_hidden(served: Served, name: str) -> None:
    """However the path is written, as itself and with a query too."""
    exact = f"{served.base}/{name}"
    targets = [exact, f"{exact}?a", f"http://legacy.example{exact}", *_spelled(served.base, name)]

    answers = {target: served.ask(target) for target in targets}

    assert {a.status for a in answers.values()} <= {400, 404}
    shown = [t for t, a in answers.items() if b"chargecloud_" in a.body or b"checks" in a.body]
    assert shown == []


@pytest.mark.parametrize("name", ["metrics", "readyz", "healthz"])
def test_the_service_answers_to_the_exact_path_only(served: Served, name: str) -> None:
    """It canonicalises other paths as System.Uri does, which a proxy's rules can't know."""
    exact = f"{served.base}/{name}"

    answers = {target: served.ask_directly(target) for target in _spelled(served.base, name)}

    assert served.ask_directly(exact).status == 200
    assert served.ask_directly(f"{exact}?a").status == 200
    assert {target: a.status for target, a in answers.items() if a.status not in (400, 404)} == {}


def test_clients_may_ask_whether_the_process_lives(served: Served) -> None:
    """A load balancer in front of nginx does."""
    assert served.ask(f"{served.base}/healthz").status == 200


def test_nothing_is_compressed(served: Served) -> None:
    """Whatever other sites on the machine do."""
    answer = served.ask(f"{served.base}{_STATUS}", ("Accept-Encoding", "gzip"))

    assert answer.header("Content-Encoding") is None
    assert answer.header("Content-Length") == str(len(answer.body))


def _head(size: int, target: str, lines: int = 1) -> bytes:
    """A request whose head has so many bytes, most of them in so many lines."""
    start = f"GET {target} HTTP/1.1\r\nHost: legacy.example\r\nConnection: close\r\n"
    names = [f"X-{number:03d}" for number in range(lines)]
    left = size - len(start) - 2 - sum(len(f"{name}: \r\n") for name in names)
    first = left - left // lines * (lines - 1)
    values = [first, *[left // lines] * (lines - 1)]
    filled = [f"{name}: {'a' * n}\r\n" for name, n in zip(names, values, strict=True)]
    return (start + "".join(filled) + "\r\n").encode()


@pytest.mark.parametrize("lines", [1, 3, 150, 400])
def test_heads_of_16_kb_pass(served: Served, lines: int) -> None:
    """http.sys takes as much: Kerberos tickets, cookies."""
    sent = _head(16_384, f"{served.base}{_STATUS}", lines)
    client = site.TlsClient(served.port)
    answer = client.send(sent)
    client.close()

    assert len(sent) == 16_384
    assert answer.status == 200


def test_heads_of_more_than_nginx_holds_are_refused(served: Served) -> None:
    """By nginx, before the service sees them."""
    client = site.TlsClient(served.port)
    answer = client.send(_head(100_000, f"{served.base}{_STATUS}", 10))
    client.close()

    assert answer.status == 400
    assert answer.header("X-Request-ID") is None


@pytest.mark.parametrize(("size", "status"), [(65_536, 405), (65_537, 413)])
def test_bodies_of_64_kb_pass(served: Served, size: int, status: int) -> None:
    """A larger one is refused by nginx before it is sent."""
    client = site.TlsClient(served.port)
    head = f"POST {served.base}{_STATUS} HTTP/1.1\r\nHost: legacy.example\r\n"
    head += f"Content-Length: {size}\r\nConnection: close\r\n\r\n"
    answer = client.send(head.encode() + b"a" * (size if status == 405 else 0), "POST")
    client.close()

    assert answer.status == status


def _connect(port: int, lowest: ssl.TLSVersion, highest: ssl.TLSVersion, ciphers: str) -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.minimum_version, context.maximum_version = lowest, highest
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="legacy.example") as connection,
    ):
        return f"{connection.version()} {(connection.cipher() or [''])[0]}"


def test_tls_is_1_2_or_1_3_with_forward_secrecy(served: Served) -> None:
    """Older versions and ciphers are refused."""
    newest, newer = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2

    assert _connect(served.port, newest, newest, "DEFAULT").startswith("TLSv1.3 ")
    assert _connect(served.port, newer, newer, "DEFAULT").startswith("TLSv1.2 ECDHE-RSA-")
    with pytest.raises(ssl.SSLError):
        _connect(served.port, newer, newer, "AES256-SHA256:AES128-GCM-SHA256:@SECLEVEL=0")
    with (
        pytest.warns(DeprecationWarning, match="TLSv1"),
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        _connect(served.port, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0")


def test_another_host_gets_no_answer(served: Served) -> None:
    """The connection is closed."""
    with site.TlsClient(served.port).connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")

        assert connection.recv(1000) == b""


def test_the_logs_of_nginx_say_nothing_of_users(served: Served) -> None:
    """A line has what was answered by whom, and the id that the service's line has."""
    answer = served.ask(f"{served.base}/ChargeProcess/Status?user_id=987654321")
    served.ask(f"{served.base}/ChargeProcess/Status?user_id=987654321%")
    log = served.folder / "chargecloud.log"
    truth.until(lambda: str(answer.header("X-Request-ID")) in log.read_text())

    text = log.read_text() + (served.folder / "chargecloud-error.log").read_text()
    others = served.folder / "access.log"
    assert "987654321" not in text + (others.read_text() if others.exists() else "")
    line = next(x for x in log.read_text().splitlines() if str(answer.header("X-Request-ID")) in x)
    assert '"status":200' in line
    assert f'"upstream":"127.0.0.1:{served.own}"' in line


@contextmanager
def _mute() -> Iterator[int]:
    """A service that takes requests and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: list[socket.socket] = []

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(listener.accept()[0])

        thread = threading.Thread(target=take)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in taken:
            connection.close()


_TIMES = {
    "client_header_timeout 10s": "client_header_timeout 1s",
    "client_body_timeout 10s": "client_body_timeout 1s",
    "keepalive_timeout 60s": "keepalive_timeout 1s",
    "proxy_read_timeout 15s": "proxy_read_timeout 1s",
}
"""The same site with short times, so that a test can wait for them."""


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The site with times of a second before a service that never answers."""
    folder = tmp_path_factory.mktemp("hasty")
    env = {name: text for name, text in os.environ.items() if not name.startswith("CHARGECLOUD_")}
    port = truth.free_port()
    with ExitStack() as stack:
        own = stack.enter_context(_mute())
        stack.enter_context(
            site.nginx(folder, {**env, "PYTHONPATH": str(ROOT)}, port, [own], changed=_TIMES)
        )
        yield port


_SLOW = {
    "a head that stays unfinished": (b"GET / HTTP/1.1\r\nHost: legacy.ex", b""),
    "a body that stays unfinished": (
        b"POST / HTTP/1.1\r\nHost: legacy.example\r\nContent-Length: 9\r\n\r\na",
        b"",
    ),
    "a service that doesn't answer": (
        b"GET / HTTP/1.1\r\nHost: legacy.example\r\n\r\n",
        b"HTTP/1.1 504",
    ),
    "nothing at all": (b"", b""),
}


@pytest.mark.parametrize(("sent", "first"), _SLOW.values(), ids=list(_SLOW))
def test_what_takes_too_long_is_ended(hasty: int, sent: bytes, first: bytes) -> None:
    """The connection is closed, with an answer where the service is what was slow."""
    got = b""
    with site.TlsClient(hasty).connect() as connection, suppress(ConnectionError):
        connection.sendall(sent)
        while part := connection.recv(65536):
            got += part

    assert got[: len("HTTP/1.1 504")] == first


def _printed(make_app: Callable[..., WebApi], *more: str, **settings: Any) -> Result:
    runner = make_app(**settings).test_cli_runner()
    return runner.invoke(args=["deploy", "nginx", "--name", "api.example", *more])


def test_a_service_is_given_longer_than_its_database(make_app: Callable[..., WebApi]) -> None:
    """Its own 500 comes before nginx gives up."""
    assert "proxy_read_timeout 70s;" in _printed(make_app, database_timeout=60).stdout


def test_users_in_the_services_log_may_be_in_that_of_nginx(make_app: Callable[..., WebApi]) -> None:
    """LOG_USER_ID opens nginx's log of errors too, which quotes requests."""
    assert "chargecloud-error.log error;" in _printed(make_app, log_user_id=True).stdout


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--name", "a;b", "host names, separated by blanks"),
        ("--name", "a\nb", "host names, separated by blanks"),
        ("--name", "", "host names, separated by blanks"),
        ("--upstream", "10.0.0.1", "HOST:PORT or unix:/path"),
        ("--upstream", "10.0.0.1:99999", "HOST:PORT or unix:/path"),
        ("--upstream", "a:80 backup; #", "HOST:PORT or unix:/path"),
        ("--upstream", "unix:a", "HOST:PORT or unix:/path"),
        ("--listen", "0", "PORT or HOST:PORT"),
        ("--listen", "http", "PORT or HOST:PORT"),
        ("--listen", ":443", "PORT or HOST:PORT"),
        ("--listen", "65536", "PORT or HOST:PORT"),
        ("--certificate", "cert.pem", "an absolute path of letters, digits and . _ / @ + -"),
        ("--key", "/a b", "an absolute path of letters, digits and . _ / @ + -"),
        ("--logs", "/a;b", "an absolute path of letters, digits and . _ / @ + -"),
    ],
)
def test_an_option_that_nginx_would_read_otherwise_is_refused(
    make_app: Callable[..., WebApi], option: str, value: str, allowed: str
) -> None:
    """One line names it and says what is allowed."""
    done = _printed(make_app, option, value)

    said = f"Invalid value for '{option}': must be {allowed}, not {value!r}"
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize("path", ['/a"b', "/a\nb", "/a\\b"])
def test_a_base_path_that_nginx_would_read_otherwise_is_refused(path: str) -> None:
    """It is in the site unchanged."""
    with pytest.raises(ConfigError, match="BASE_PATH must be / or a path"):
        Settings.from_environ({"CHARGECLOUD_BASE_PATH": path})
