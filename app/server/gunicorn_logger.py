"""gunicorn's logger without its access log: ``RequestLog`` writes the lines."""

from typing import Any

from gunicorn.glogging import Logger as GunicornLogger


class Logger(GunicornLogger):
    """Logs everything but requests."""

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Log nothing: a ``logconfig_dict`` alone would turn it on, at 20 us a request."""
