"""Removes what a client sent, such as user ids, from the log.

The lines of servers quote requests that they refuse, and name the target of those that fail. An
exception's text may quote the value that it is about. LOG_USER_ID=on shows all of it.
"""

import logging
import re
import traceback

from flask import Flask

_SERVERS = ("gunicorn.error", "granian", "waitress", "waitress.queue", "werkzeug")
# From gunicorn and waitress: the text after these words, or in quotes, comes from the client.
_SENT = re.compile(r"(?<=Error handling request ).*|(?<= while serving ).*|['\"?].*", re.S)
_QUERY = re.compile(r"\?[^\s'\"]*")
_VALUE = re.compile(r"'[^']*'?|\"[^\"]*\"?|\d+")
_OF_WERKZEUGS_HANDLER = re.compile(r"^\S+ - - \[")


class WithoutClientsText(logging.Filter):
    """Changes the records of a logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide what was sent; leave out werkzeug's line of each request, which has one already."""
        message = record.getMessage()
        if record.name == "werkzeug" and _OF_WERKZEUGS_HANDLER.match(message):
            return False
        hidden = _SENT if record.name in _SERVERS else _QUERY
        record.msg, record.args = hidden.sub("...", message), ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = without_values(record.exc_info[1])
        return True


def without_values(error: BaseException) -> str:
    """Return a traceback whose exceptions' texts have no quoted text and no number."""
    parts = traceback.TracebackException.from_exception(error).format()
    kept = ("  File ", "Traceback ")
    return "".join(
        part if part.startswith(kept) else _VALUE.sub("...", part) for part in parts
    ).rstrip("\n")


_FILTER = WithoutClientsText()


def install(app: Flask, log_user_id: bool) -> None:
    """Hide what clients send from the application's logger and from those of all servers."""
    # Not app.logger: Flask would give it a handler before the server configures logging.
    for logger in map(logging.getLogger, (app.name, *_SERVERS)):
        if log_user_id:
            logger.removeFilter(_FILTER)
        else:
            logger.addFilter(_FILTER)
