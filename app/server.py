"""gunicorn, started from within: the CLI has already imported what the workers share."""

from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.util import import_app

from app import gunicorn_conf


class Server(BaseApplication):
    """gunicorn with the settings of ``app.gunicorn_conf`` and these in place of some."""

    def __init__(self, **options: Any) -> None:
        self._options = {name: value for name, value in options.items() if value is not None}
        super().__init__()

    def load_config(self) -> None:
        """Take the settings."""
        for name, value in {**vars(gunicorn_conf), **self._options}.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application, in each worker."""
        return import_app("wsgi:app")
