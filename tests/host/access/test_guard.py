"""Who is refused, when, and with which words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import ConfigError
from app.host.access import key_file
from app.host.application import WebApi
from tests import truth

HOST = ("Host", "a")
XML = b"<Error><Message>Authorization has been denied for this request.</Message></Error>"


@pytest.fixture
def app(make_app: Callable[..., WebApi], tmp_path: Path) -> WebApi:
    """An application that wants a key."""
    return make_app(api_keys_file=str(tmp_path / "keys"))


def test_nothing_is_installed_by_default(make_app: Callable[..., WebApi]) -> None:
    """The legacy service let everybody in; a hook would cost each request."""
    assert not make_app().before_request_funcs


def test_a_refusal_is_negotiated_and_challenges(app: WebApi) -> None:
    """As Web API's [Authorize]."""
    headers = [HOST, ("Accept", "text/xml")]

    answer = truth.call(app, "/ChargeProcess/Status?user_id=1", headers)

    assert (answer.status, answer.body) == (401, XML)
    assert answer.header("WWW-Authenticate") == "ApiKey"
    assert answer.header("Cache-Control") == "no-cache"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/ChargeProcess/Status?user_id=x", 401),
        ("GET", "/ChargeProcess/Status", 404),
        ("GET", "/no/such", 404),
        ("POST", "/ChargeProcess/Status?user_id=1", 405),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
    ],
)
def test_the_action_is_selected_before_the_client_is_asked(
    app: WebApi, method: str, target: str, status: int
) -> None:
    """404 and 405 come before 401, and 401 before 400, as in Web API; probes need no key."""
    assert truth.call(app, target, [HOST], method).status == status


def test_a_known_key_gets_the_other_errors(app: WebApi) -> None:
    """Who has access is told what is wrong with the request."""
    key = key_file.add(app.settings.api_keys_file or "", "a")

    answer = truth.call(app, "/ChargeProcess/Status?user_id=x", [HOST, ("X-API-Key", key)])

    assert answer.status == 400


@pytest.mark.parametrize("key", ["x" * 8000, "\xff\xfe", "a,b", "\t"])
def test_an_odd_key_is_refused(app: WebApi, key: str) -> None:
    """401, whatever was sent."""
    headers = [HOST, ("X-API-Key", key)]

    assert truth.call(app, "/ChargeProcess/Status?user_id=1", headers).status == 401


def test_a_key_file_that_cannot_be_read_stops_the_start(
    make_app: Callable[..., WebApi], tmp_path: Path
) -> None:
    """A folder or a damaged file, with a line; a file that is still missing holds no keys."""
    damaged = tmp_path / "damaged"
    damaged.write_text("a\n")

    make_app(api_keys_file=str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match=f"_FILE: the key file {tmp_path} can't be read: Is a"):
        make_app(api_keys_file=str(tmp_path))
    with pytest.raises(ConfigError, match=f"_FILE: the key file {damaged}, line 1: not a key's"):
        make_app(api_keys_file=str(damaged))
