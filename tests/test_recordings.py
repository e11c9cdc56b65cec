"""Every recorded answer of the legacy service, byte for byte."""

import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from app.host.application import WebApi
from tests import truth

_Commands = Callable[[int], list[str]]
_GUNICORN = [
    sys.executable,
    "-m",
    "gunicorn",
    "-c",
    "python:app.gunicorn_conf",
    "--workers",
    "1",
]
_SERVE = [sys.executable, "-m", "app", "serve", "--workers", "1"]
# granian refuses the first, and keeps the path only as it is decoded.
_NOT_OVER_GRANIAN = re.compile(
    r"[^?]*(?:[<>]|%2[0-9A-CF]|%3[ABDF]|%40|%5[BD]|(?<!%..)%[89])", re.IGNORECASE
)
# waitress refuses a verb in lower case.
_NOT_OVER_WAITRESS = {"method-case"}


def test_every_recording_is_answered_in_process(
    make_app: Callable[..., WebApi], recorded_url: str, broken_url: str
) -> None:
    """A WSGI call with the recorded request gives the recorded answer."""
    apps = {
        (broken, detail): make_app(
            error_detail="always" if detail else "never",
            database_url=broken_url if broken else recorded_url,
        )
        for broken in (False, True)
        for detail in (False, True)
    }
    recorded = [*truth.recordings(), *truth.recordings("edges.jsonl")]

    wrong = [
        difference
        for item in recorded
        for difference in truth.differences(
            item,
            truth.call(
                apps[item.breaks_store, item.error_detail], item.target, item.headers, item.method
            ),
        )
    ]

    assert len(recorded) == 1801 + 23
    assert wrong == []


def test_every_recording_is_answered_over_a_socket(
    recorded_url: str, broken_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """gunicorn answers the recorded bytes on the request line and in the headers as recorded."""
    asked = [*truth.recordings(), *truth.recordings("edges.jsonl")]

    wrong = _ask_over_socket(
        asked,
        lambda port: [*_GUNICORN, "--bind", f"127.0.0.1:{port}", "wsgi:app"],
        {False: recorded_url, True: broken_url},
        clean_env,
        tmp_path,
    )

    assert wrong == []


def test_recordings_are_answered_over_granian(
    database_url: str, broken_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """granian gives the same bytes but for paths that it refuses or hands on decoded."""
    recorded = [*truth.recordings(), *truth.recordings("edges.jsonl")]
    asked = [item for item in recorded if not _NOT_OVER_GRANIAN.match(item.target)]

    wrong = _ask_over_socket(
        asked,
        lambda port: [*_SERVE, "--server", "granian", "--bind", f"127.0.0.1:{port}"],
        {False: database_url, True: broken_url},
        clean_env,
        tmp_path,
    )

    assert len(asked) > 1750
    assert wrong == []


def test_recordings_are_answered_over_waitress(
    database_url: str, broken_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """waitress gives the same bytes for every target."""
    edges = [i for i in truth.recordings("edges.jsonl") if i.tag not in _NOT_OVER_WAITRESS]

    wrong = _ask_over_socket(
        [*truth.recordings(), *edges],
        lambda port: [*_SERVE, "--server", "waitress", "--bind", f"127.0.0.1:{port}"],
        {False: database_url, True: broken_url},
        clean_env,
        tmp_path,
    )

    assert wrong == []


def _ask_over_socket(
    asked: list[truth.Recording],
    command: _Commands,
    urls: dict[bool, str],
    env: dict[str, str],
    cwd: Path,
) -> list[str]:
    """Ask a server for each store and error detail, and say what differs."""
    wrong = []
    with ExitStack() as stack:
        clients = {}
        for broken, url in urls.items():
            for detail in (False, True):
                port = truth.free_port()
                settings = {
                    "CHARGECLOUD_DATABASE_URL": url,
                    "CHARGECLOUD_ERROR_DETAIL": "always" if detail else "never",
                }
                stack.enter_context(truth.running(command(port), port, {**env, **settings}, cwd))
                clients[broken, detail] = truth.Client(port)
                stack.callback(clients[broken, detail].close)
        for item in asked:
            client = clients[item.breaks_store, item.error_detail]
            answer = client.ask(item.method, item.target, item.headers)
            wrong += truth.differences(item, answer)
    return wrong
