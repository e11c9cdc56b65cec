"""Every recorded answer of the legacy service, byte for byte."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from app.host import WebApi
from tests import truth


def test_every_recording_is_answered_in_process(
    make_app: Callable[..., WebApi], broken_url: str
) -> None:
    """A WSGI call with the recorded request gives the recorded answer."""
    apps = {
        (broken, detail): make_app(
            error_detail="always" if detail else "never",
            **({"database_url": broken_url} if broken else {}),
        )
        for broken in (False, True)
        for detail in (False, True)
    }
    recorded = truth.recordings()

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

    assert len(recorded) == 1801
    assert wrong == []


def test_every_recording_is_answered_over_a_socket(
    database_url: str, broken_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """gunicorn answers the recorded bytes on the request line and in the headers as recorded."""
    wrong = []
    with ExitStack() as stack:
        clients = {}
        for broken in (False, True):
            for detail in (False, True):
                port = truth.free_port()
                env = {
                    **clean_env,
                    "CHARGECLOUD_DATABASE_URL": broken_url if broken else database_url,
                    "CHARGECLOUD_ERROR_DETAIL": "always" if detail else "never",
                }
                command = [sys.executable, "-m", "gunicorn", "-c", "python:app.gunicorn_conf"]
                command += ["--workers", "1", "--bind", f"127.0.0.1:{port}", "wsgi:app"]
                stack.enter_context(truth.running(command, port, env, tmp_path))
                clients[broken, detail] = truth.Client(port)
                stack.callback(clients[broken, detail].close)

        for item in truth.recordings():
            client = clients[item.breaks_store, item.error_detail]
            answer = client.ask(item.method, item.target, item.headers)
            wrong += truth.differences(item, answer)

    assert wrong == []
