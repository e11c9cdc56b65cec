"""What is logged besides requests."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from logging.config import dictConfig
from pathlib import Path
from typing import Any

import pytest

from app.host.application import WebApi
from app.observe.logs import JsonLines, TextLines, logging_config
from tests import truth


def _record(message: str, exc_info: Any = None) -> logging.LogRecord:
    return logging.LogRecord("gunicorn.error", logging.ERROR, "f", 1, message, (), exc_info)


def _failure(text: str) -> Any:
    try:
        raise ValueError(text)
    except ValueError:
        return sys.exc_info()


def test_a_record_is_one_json_object_on_one_line() -> None:
    """Line breaks in a message or an exception are escaped."""
    line = JsonLines().format(_record("a\nb", _failure("c\nd")))

    members = json.loads(line)
    assert "\n" not in line
    assert members["message"] == "a\nb"
    assert members["level"] == "error"
    assert "ValueError: c\nd" in members["exception"]


def test_text_keeps_each_record_recognisable() -> None:
    """A message stays on its line, and a traceback's lines are indented."""
    line = TextLines().format(_record("a\nb\x1b[2J", _failure("c\n12:00:00 INFO d")))

    first, *others = line.splitlines()
    assert "a\\x0ab\\x1b[2J" in first
    assert all(other.startswith("  ") for other in others)


def test_the_reason_of_a_failure_is_one_line_with_the_request_id(
    make_app: Callable[..., WebApi], broken_url: str
) -> None:
    """A 500 says why in the log, and in the answer nothing of it."""
    app = make_app(database_url=broken_url)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    app.logger.addHandler(handler)
    try:
        answer = truth.call(app, "/ChargeProcess/Status?user_id=987654321")
    finally:
        app.logger.removeHandler(handler)

    (line,) = stream.getvalue().splitlines()
    members = json.loads(line)
    assert answer.status == 500
    assert "can't be read: file is not a database" in members["message"]
    assert "987654321" not in line
    assert members["request_id"] == answer.header("X-Request-ID")


@pytest.mark.parametrize("name", ["json", "text", "auto", "wrong"])
def test_logging_is_configured_whatever_the_setting_says(name: str) -> None:
    """A wrong LOG_FORMAT is refused elsewhere, with its own line; logging itself comes up."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        dictConfig(logging_config({"CHARGECLOUD_LOG_FORMAT": name}))
        formatter = logging.getLogger("gunicorn.error").handlers[0].formatter
    finally:
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)
        logging.getLogger("gunicorn.error").handlers.clear()
        logging.getLogger("gunicorn.error").propagate = True

    assert type(formatter) is (TextLines if name == "text" else JsonLines)


def test_a_served_log_is_json_from_start_to_stop(
    database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Each line is JSON: the start with version and settings, each request once, the stop."""
    port = truth.free_port()
    command = [sys.executable, "-m", "app", "serve"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", "1"]
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    log = tmp_path / "log"
    with log.open("wb") as stdout:
        process = subprocess.Popen(command, env=env, cwd=tmp_path, stdout=stdout)
        try:
            truth.wait_for(port)
            client = truth.Client(port)
            host = ("Host", "a")
            client.ask("GET", "/ChargeProcess/Status?user_id=987654321", [host])
            client.close()
            refused = truth.Client(port)
            refused.send(b"GET /x?user_id=987654321 HTTP/1.1\r\nHost: a\r\nBad Header: 1\r\n\r\n")
            refused.close()
        finally:
            process.terminate()
            process.wait(30)

    text = log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    (start,) = [line for line in lines if "settings" in line]
    assert start["settings"]["DATABASE_URL"] == database_url
    assert start["version"]
    assert [line["status"] for line in lines if line["message"] == "request"] == [200]
    assert any("Invalid request" in line["message"] for line in lines)
    assert any(line["message"] == "chargecloud stopped" for line in lines)
    assert "987654321" not in text
