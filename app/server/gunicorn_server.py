"""gunicorn, started from within: the command has already imported what the workers share."""

import sys
from typing import Any

from gunicorn.app.base import BaseApplication

from app.config import Settings
from app.server import gunicorn_conf
from wsgi import app


class Server(BaseApplication):
    """gunicorn with the settings of ``app.server.gunicorn_conf`` and these in place of some."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Take the settings."""
        for name, value in {**vars(gunicorn_conf), **self._options}.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application."""
        return app


def run(bind: str, workers: int | None, threads: int | None) -> None:
    """Serve with gunicorn."""
    # What SIGUSR2 starts beside this one: also where that is `python -m app serve`.
    sys.argv[:] = sys.orig_argv[1:]
    metrics = Settings.from_environ().metrics
    binds = [bind, metrics] if ":" in metrics else [bind]
    Server(
        bind=binds,
        workers=workers or gunicorn_conf.workers,
        threads=threads or gunicorn_conf.threads,
    ).run()
