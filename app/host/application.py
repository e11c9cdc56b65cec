"""A Flask application whose routes are Web API actions.

A request's steps, in order:

1. The middleware that ``app.factory`` lists: forwarded headers, request id and log line, metrics.
2. ``matching``: action selection and binding. Flask keeps what they raise until dispatch.
3. ``access.guard``: who has access, as before-request hooks.
4. ``actions``: the view, with its typed argument; it reads the store.
5. ``responses``: negotiate, write.
6. ``error_handler``: whatever went wrong on the way, as an HttpError on the same road.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import NullSession, SecureCookieSessionInterface
from werkzeug.routing import MapAdapter, Rule
from werkzeug.wsgi import get_host

from app.config import Settings
from app.host.data_contracts import data_contract
from app.host.matching import ApiAdapter, ApiRule
from app.host.responses import ReadyResponse
from app.store.store import Store
from app.webapi.routing import ActionSelector, HttpActionDescriptor
from schemas.contract import Contract

View = Callable[..., Response]


class Sessions(SecureCookieSessionInterface):
    """Flask's own sessions. Without a secret key, all requests share the one that holds nothing."""

    _nothing = NullSession()

    def make_null_session(self, app: Flask) -> NullSession:
        """Return the session that can't be changed."""
        return self._nothing


class WebApi(Flask):
    """A Flask application with Web API's action selection, its settings and its store."""

    response_class = ReadyResponse
    session_interface = Sessions()
    url_rule_class: type[Rule] = ApiRule

    def __init__(self, import_name: str, settings: Settings, **options: Any) -> None:
        super().__init__(import_name, static_folder=None, **options)
        self.settings = settings
        self.store: Store
        self.open_endpoints: set[str] = set()
        """Endpoints that are answered without a key and under any Host."""
        self.checks: dict[str, Callable[[], str | None]] = {}
        """What must work besides the store: name -> what says why it doesn't, or ``None``."""
        self.actions: dict[HttpActionDescriptor, Rule] = {}
        self.contracts: dict[HttpActionDescriptor, type[Contract]] = {}
        self.selector = ActionSelector([], settings.base_path)
        # Web API redirects nothing and answers OPTIONS as any wrong verb.
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        self.config["APPLICATION_ROOT"] = settings.base_path
        self.url_map.merge_slashes = False
        self.url_map.strict_slashes = False

    def action(
        self, controller: str, action: str, parameter: str, returns: type[Contract]
    ) -> Callable[[View], View]:
        """Declare a view as the action of a controller, with one Int32 parameter."""
        root = returns.clr_namespace.partition(".")[0]

        def declare(view: View) -> View:
            descriptor = HttpActionDescriptor(
                controller,
                action,
                parameter,
                f"{returns.clr_namespace}.{returns.name()} {action}(Int32)",
                f"{root}.Controllers.{controller}Controller",
            )
            # A dot would make Flask look for a blueprint's hooks at each request.
            endpoint = f"{controller}/{action}"
            self.add_url_rule(f"/{endpoint}", endpoint, view)
            self.actions[descriptor] = next(self.url_map.iter_rules(endpoint))
            self.contracts[descriptor] = returns
            # Compiled here, at start, so that no request does it.
            data_contract(returns)
            self.selector = ActionSelector(self.actions, self.settings.base_path)
            return view

        return declare

    def auto_find_instance_path(self) -> str:
        """Return Flask's instance folder, hidden in a checkout to keep its top level as it is."""
        found = Path(super().auto_find_instance_path())
        return str(found.with_name(".instance") if found.name == "instance" else found)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what matches a request by Web API's rules, and builds URLs.

        Raises SecurityError for a Host that Flask's ``TRUSTED_HOSTS`` does not name.
        """
        if request is None:
            return super().create_url_adapter(None)
        if trusted := self.config.get("TRUSTED_HOSTS"):
            request.trusted_hosts = trusted
            get_host(request.environ, trusted)
        return ApiAdapter(
            self.url_map, self.selector, self.actions, self.settings.base_path, request.environ
        )
