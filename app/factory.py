"""The composition root."""

from collections.abc import Sequence

from werkzeug.middleware.proxy_fix import ProxyFix

from app.cli import LazyCommands
from app.config import Settings
from app.docs import routes as docs
from app.host import error_handler
from app.host.access import guard
from app.host.actions import ACTIONS, Action, register
from app.host.application import WebApi
from app.observe import health, metering
from app.observe.logs import chosen_format
from app.observe.request_log import LINES, RequestLog
from app.store.opening import open_store


def create_app(settings: Settings | None = None, actions: Sequence[Action] = ACTIONS) -> WebApi:
    """Make the application, with settings from the environment unless they are given.

    Raises ConfigError for a setting that can't be used. Connects to nothing.
    """
    settings = Settings.from_environ() if settings is None else settings
    app = WebApi("app", settings)
    app.store = open_store(settings, [each.resource for each in actions], app.instance_path)
    register(app, actions)
    error_handler.register(app)
    health.register(app)
    if settings.help_page:
        docs.register(app)
    guard.install(app)
    metering.install(app)
    app.cli = LazyCommands(name=app.name)
    line = LINES[chosen_format(settings.log_format), settings.log_user_id]
    app.wsgi_app = RequestLog(app.wsgi_app, line if settings.log_requests else None)  # type: ignore[method-assign]
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    metering.separate(app)
    return app
