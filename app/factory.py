"""The composition root: every part and every middleware, in one place and in order."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from werkzeug.middleware.proxy_fix import ProxyFix

from app.cli import LazyCommands
from app.config import Settings
from app.docs import routes as docs
from app.host import error_handler
from app.host.access import guard
from app.host.actions import ACTIONS, Action, register
from app.host.application import WebApi
from app.host.environ import Middleware
from app.observe import health, hiding, metering
from app.observe.logs import chosen_format
from app.observe.request_log import LINES, RequestLog
from app.store.opening import open_store


def create_app(settings: Settings | None = None, actions: Sequence[Action] = ACTIONS) -> WebApi:
    """Make the application, with settings from the environment unless they are given.

    Raises ConfigError for a setting that can't be used. Connects to nothing.
    """
    settings = Settings.from_environ() if settings is None else settings
    app = WebApi("app", settings)
    resources = [each.resource for each in actions]
    app.store = open_store(settings, resources, app.instance_path)
    register(app, actions)
    error_handler.register(app)
    prompt = replace(settings, database_timeout=health.SECONDS)
    health.register(app, open_store(prompt, resources, app.instance_path))
    if settings.help_page:
        docs.register(app)
    guard.install(app)
    metering.install(app)
    hiding.install(app, settings.log_user_id)
    app.cli = LazyCommands(name=app.name)
    for layer in reversed(_middleware(settings)):
        app.wsgi_app = layer(app.wsgi_app)  # type: ignore[method-assign,assignment]
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    """Return the middleware, in the order in which it handles a request."""
    line = LINES[chosen_format(settings.log_format), settings.log_user_id]
    hops = settings.proxy_hops
    forwarded: list[Middleware] = [partial(ProxyFix, x_for=hops, x_proto=hops, x_host=hops)]
    return [
        *metering.separate(settings),
        *(forwarded if hops else []),
        partial(RequestLog, line=line if settings.log_requests else None),
        *metering.meter(settings),
    ]
