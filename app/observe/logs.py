"""Everything that is logged besides requests: start, stop and failures, on standard output."""

import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from flask import has_request_context, request

from app.host.environ import REQUEST_ID
from app.observe.request_log import utc

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}


def chosen_format(name: str) -> str:
    """Return ``json`` or ``text`` for a LOG_FORMAT; ``auto`` is text on a terminal."""
    if name in ("json", "text"):
        return name
    return "text" if sys.stdout is not None and sys.stdout.isatty() else "json"


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return json.dumps(self.members(record), ensure_ascii=True, separators=(",", ":"))

    def members(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the text of a record."""
        said: dict[str, Any] = {
            "time": utc(),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            "pid": record.process,
        }
        if has_request_context():
            said["request_id"] = request.environ.get(REQUEST_ID)
        said.update(getattr(record, "members", {}))
        if record.exc_info:
            said["exception"] = record.exc_text or self.formatException(record.exc_info)
        return said


class TextLines(JsonLines):
    """Formats a record for people; its content can neither forge a line nor move the cursor."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, then the traceback's lines, indented."""
        said = self.members(record)
        trace = said.pop("exception", "")
        more = [
            f"{name}={value}"
            for name, value in said.items()
            if name not in ("time", "level", "message", "logger", "pid")
        ]
        line = " ".join([said["time"][11:23], record.levelname, said["message"], *more])
        return "\n  ".join(
            part.translate(_CONTROLS) for part in (line, *str(trace).splitlines()) if part
        )


def logging_config(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return a ``logging.config`` dictionary: all records to standard output, in one format.

    Reads its setting leniently: a bad one stops the start by itself, with its own line.
    """
    formats = {"json": JsonLines, "text": TextLines}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": formats[chosen_format(environ.get("CHARGECLOUD_LOG_FORMAT", "auto"))],
            }
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"level": "INFO", "handlers": ["stdout"]},
        "loggers": {
            # gunicorn puts a handler of its own on this one before it reads these.
            "gunicorn.error": {"level": "INFO", "handlers": ["stdout"], "propagate": False}
        },
    }
