"""The keys of an issuer: remembered, rotated, and read rarely whatever the issuer does."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from app.host.access import jwks
from app.host.application import WebApi
from tests import truth

OWN = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _document(*key_ids: str) -> bytes:
    public = json.loads(RSAAlgorithm.to_jwk(OWN.public_key()))
    return json.dumps({"keys": [{**public, "kid": key_id} for key_id in key_ids]}).encode()


class Issuer(ThreadingHTTPServer):
    """Publishes keys, answers with an error, or with nothing until it is released."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.document = _document("own")
        self.status = 200
        self.asked: list[str | None] = []
        self.began = threading.Event()
        self.released = threading.Event()
        self.released.set()
        self.url = f"http://127.0.0.1:{self.server_port}/jwks"


class _Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.asked.append(self.headers["Authorization"])
        self.server.began.set()
        self.server.released.wait(30)
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Content-Length", str(len(self.server.document)))
        self.end_headers()
        self.wfile.write(self.server.document)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer that publishes one key."""
    with Issuer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def test_keys_from_a_url_are_remembered(issuer: Issuer) -> None:
    """Many tokens, one reading."""
    keys = jwks.KeySet(issuer.url)

    assert all(keys.find("own") for _ in range(20))
    assert len(issuer.asked) == 1


def test_rotated_keys_are_found_and_dropped(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown id causes a reading; what is no longer published is no longer believed."""
    monkeypatch.setattr(jwks, "AT_LEAST", 0.0)
    keys = jwks.KeySet(issuer.url)
    assert keys.find("own")

    issuer.document = _document("new")

    assert keys.find("new")
    assert keys.find("own") is None


def test_known_keys_outlive_an_issuer_that_is_down(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A failed reading changes nothing, and is logged."""
    monkeypatch.setattr(jwks, "FRESH", 0.0)
    monkeypatch.setattr(jwks, "AT_LEAST", 0.0)
    keys = jwks.KeySet(issuer.url)
    assert keys.find("own")

    issuer.status = 500

    assert keys.find("own")
    truth.until(lambda: "can't be read again: the answer's status is 500" in caplog.text)
    assert keys.find("own")


def test_a_known_key_waits_for_no_reading(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that are due to be read again are in force meanwhile."""
    monkeypatch.setattr(jwks, "FRESH", 0.0)
    monkeypatch.setattr(jwks, "AT_LEAST", 0.0)
    keys = jwks.KeySet(issuer.url)
    assert keys.find("own")
    issuer.released.clear()

    assert all(keys.find("own") for _ in range(1000))
    assert len(issuer.asked) <= 2


@pytest.mark.parametrize("published", [b"", _document("own")], ids=["before", "after"])
@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_unknown_ids_cause_one_reading_whatever_is_answered(
    issuer: Issuer, status: int, published: bytes
) -> None:
    """3,000 of them from 30 threads, with and without keys read before."""
    keys = jwks.KeySet(issuer.url)
    if published:
        assert keys.find("own")
    issuer.status, issuer.document = status, published
    readings = len(issuer.asked)

    _at_once(30, lambda number: [keys.find(f"no-{number}-{n}") for n in range(100)])

    assert len(issuer.asked) == max(readings, 1)


def _at_once(count: int, run: Callable[[int], object]) -> None:
    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_nobody_waits_for_a_reading_that_another_request_waits_for(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one waits for an issuer that hangs, 3,000 others are answered."""
    monkeypatch.setattr(jwks, "LONGEST_WAIT", 60.0)
    keys = jwks.KeySet(issuer.url)
    issuer.released.clear()
    first = threading.Thread(target=keys.find, args=("own",))
    first.start()
    assert issuer.began.wait(30)

    _at_once(30, lambda number: [keys.find("own") for _ in range(100)])

    assert first.is_alive()
    assert len(issuer.asked) == 1
    issuer.released.set()
    first.join()
    assert keys.find("own")


def test_who_waits_for_an_issuer_that_hangs_waits_for_seconds(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading ends too, and is not begun again at once."""
    monkeypatch.setattr(jwks, "LONGEST_WAIT", 0.2)
    issuer.released.clear()
    keys = jwks.KeySet(issuer.url)

    assert keys.find("own") is None
    truth.until(lambda: "timed out" in str(keys.problem()))
    assert len(issuer.asked) == 1


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 20), st.sampled_from(["own", "unknown", None]), st.booleans(), st.booleans()
    ),
    max_size=60,
)


@given(_STEPS)
def test_there_are_never_more_readings_than_promised(
    steps: list[tuple[int, str | None, bool, bool]],
) -> None:
    """Whatever comes when, whether a reading fails, and whether it never ends."""
    now = 1000
    readings = 0
    fails = hangs = False
    end = threading.Event()

    def read(_: str) -> dict[str | None, jwks.Key]:
        nonlocal readings
        readings += 1
        if hangs:
            end.wait(30)
        if fails:
            raise jwks.KeySetError("failed")
        return {"own": jwks.Key(None, None), "other": jwks.Key(None, None)}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jwks, "read", read)
        patch.setattr(jwks, "LONGEST_WAIT", 0.01)
        patch.setattr(jwks, "time", SimpleNamespace(monotonic=lambda: now))
        keys = jwks.KeySet("https://login.example/jwks")
        for seconds, key_id, fails, hangs in steps:  # noqa: B007
            now += seconds
            keys.find(key_id)
            if not hangs:
                end.set()
        end.set()

    assert readings <= 1 + (now - 1000) // jwks.AT_LEAST


def test_a_key_of_an_unknown_kind_takes_nothing_from_the_others(tmp_path: Path) -> None:
    """Issuers publish keys for encryption and of new curves beside those for signatures."""
    path = tmp_path / "jwks.json"
    document = json.loads(_document("own"))
    document["keys"][:0] = [
        {"kty": "OKP", "crv": "X448", "kid": "new", "x": "AA"},
        {**document["keys"][0], "kid": "encrypts", "alg": "RSA-OAEP"},
        {**document["keys"][0], "kid": ["list"]},
        "text",
        {"kty": "RSA", "kid": "half"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
    ]
    path.write_text(json.dumps(document))

    assert set(jwks.read(str(path))) == {"own"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys":[]}', '{"keys":[1]}', "{" * 100_000])
def test_an_unusable_key_set_is_refused(tmp_path: Path, text: str) -> None:
    """No key, no entry; what was read is not repeated."""
    path = tmp_path / "jwks.json"
    path.write_text(text)

    with pytest.raises(jwks.KeySetError, match="no usable JWKS"):
        jwks.read(str(path))


def test_a_shared_secret_in_the_key_set_is_not_used(tmp_path: Path) -> None:
    """An oct key would let everyone who reads the set sign."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "own"}]}))

    with pytest.raises(jwks.KeySetError):
        jwks.read(str(path))


def test_a_user_in_the_url_is_sent_as_basic_and_to_nobody_else(issuer: Issuer) -> None:
    """An escaped @ and all; a redirect is not followed."""
    issuer.status = 302
    place = issuer.url.replace("http://", "http://reader:p%40ss@")

    with pytest.raises(jwks.KeySetError, match="status is 302"):
        jwks.read(place)

    assert issuer.asked == ["Basic " + base64.b64encode(b"reader:p@ss").decode()]


def test_an_endless_answer_ends(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a megabyte is no set of keys."""
    issuer.document = b" " * (2 << 20)

    with pytest.raises(jwks.KeySetError, match="no usable JWKS"):
        jwks.read(issuer.url)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_what_was_read_before_a_fork_is_there_behind_it(issuer: Issuer) -> None:
    """A worker believes tokens at once, also when a reading hung while it was forked."""
    code = f"""
import os, sys, threading
from app.host.access import jwks
keys = jwks.key_set({issuer.url!r})
assert keys.find("own")
jwks.FRESH = jwks.AT_LEAST = 0.0
hung = threading.Event()
read, jwks.read = jwks.read, lambda _: hung.wait(30)
assert keys.find("own")
child = os.fork()
if child == 0:
    jwks.read = read
    known = jwks.key_set({issuer.url!r}).find("own") and keys.find("new")
    os._exit(0 if known else 1)
hung.set()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    issuer.document = _document("own", "new")

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60)

    assert done.returncode == 0


def test_a_service_without_keys_is_not_ready_and_says_so_at_its_start(
    issuer: Issuer, database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """/readyz names the check; the reason is in the log, and the URL's secrets are nowhere."""
    issuer.status = 500
    port = truth.free_port()
    env = {
        **clean_env,
        "CHARGECLOUD_DATABASE_URL": database_url,
        "CHARGECLOUD_JWT_JWKS": issuer.url.replace("http://", "http://hunter1:hunter2@")
        + "?code=hunter3#hunter4",
        "CHARGECLOUD_JWT_ISSUER": "https://login.example",
        "CHARGECLOUD_JWT_AUDIENCE": "chargecloud",
    }
    command = [sys.executable, "-m", "app", "serve", "--workers", "1"]
    with truth.running([*command, "--bind", f"127.0.0.1:{port}"], port, env, tmp_path) as server:
        client = truth.Client(port)
        answer = client.ask("GET", "/readyz", [("Host", "a")])
        client.ask("GET", "/ChargeProcess/Status?user_id=1", [("Authorization", "Bearer a.b.c")])
        client.close()
        titles = Path(f"/proc/{server.pid}/cmdline")
        shown = server.output() + (titles.read_text() if titles.exists() else "")
        os.kill(server.pid, signal.SIGTERM)
        server.wait(30)

    assert answer.status == 503
    assert json.loads(answer.body)["checks"] == {"store": "ok", "jwks": "failed"}
    place = issuer.url.replace("http://", "http://***@") + "?***#***"
    assert f"no keys can be read from {place}: the answer's status is 500" in shown
    assert "hunter" not in shown


def test_a_service_with_keys_is_ready(make_app: Callable[..., WebApi], tmp_path: Path) -> None:
    """The check is there and passes."""
    path = tmp_path / "jwks.json"
    path.write_bytes(_document("own"))
    app = make_app(jwt_jwks=str(path), jwt_issuer="https://login.example", jwt_audience="a")

    answer = truth.call(app, "/readyz")

    assert json.loads(answer.body)["checks"] == {"store": "ok", "jwks": "ok"}


def test_plain_http_goes_through_no_proxy(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would leave this machine."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)

    assert jwks.read(issuer.url).keys() == {"own"}
