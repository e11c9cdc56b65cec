"""Hosts Web API's rules in Flask: a Flask application whose routes are Web API actions.

A request's steps, in order:

1. ``WebApi.request_context``: the request, bound to ``ActionAdapter``.
2. ``ActionAdapter.match``: action selection and binding; an error is kept until dispatch.
3. Flask's dispatch: before-request hooks, then the action's view with its typed argument.
4. ``responses``: negotiate, write.
5. ``errors``: whatever went wrong on the way, as an HttpError on the same road.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import quote

from flask import Flask, Response
from flask.ctx import RequestContext
from flask.wrappers import Request
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, Rule

from app.config import Settings
from app.store.store import Store
from app.webapi import uri
from app.webapi.http_error import HttpResponseException, method_not_supported, not_found
from app.webapi.routing import ActionSelector, HttpActionDescriptor, bind
from schemas.contract import Contract

WSGIEnvironment = dict[str, Any]
View = Callable[[int], Response]


class WebApi(Flask):
    """A Flask application with Web API's action selection, its settings and its store."""

    def __init__(self, import_name: str, settings: Settings, **options: Any) -> None:
        super().__init__(import_name, static_folder=None, **options)
        self.settings = settings
        self.store: Store
        self.actions: dict[HttpActionDescriptor, Rule] = {}
        self.selector = ActionSelector([], settings.base_path)
        # Web API redirects nothing and answers OPTIONS as any wrong verb.
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        self.url_map.merge_slashes = False
        self.url_map.strict_slashes = False

    def action(
        self, controller: str, action: str, returns: type[Contract]
    ) -> Callable[[View], View]:
        """Declare a view as the action of a controller, with one Int32 parameter of its name."""
        root = returns.clr_namespace.partition(".")[0]

        def declare(view: View) -> View:
            parameter = view.__code__.co_varnames[0]
            descriptor = HttpActionDescriptor(
                controller,
                action,
                parameter,
                f"{returns.clr_namespace}.{returns.name()} {action}(Int32)",
                f"{root}.Controllers.{controller}Controller",
            )
            self.add_url_rule(f"/{controller}/{action}", f"{controller}.{action}", view)
            self.actions[descriptor] = next(self.url_map.iter_rules(f"{controller}.{action}"))
            self.selector = ActionSelector(self.actions, self.settings.base_path)
            return view

        return declare

    def request_context(self, environ: WSGIEnvironment) -> RequestContext:
        """Make the context in which the request is matched by Web API's rules."""
        return ApiRequestContext(self, environ)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Bind a request to the routes."""
        if request is None:
            return super().create_url_adapter(request)
        return cast(MapAdapter, ActionAdapter(self, request.environ))


class ApiRequestContext(RequestContext):
    """Keeps what Web API's action selection raises until dispatch, as Flask does its own."""

    def match_request(self) -> None:
        """Match the request."""
        try:
            super().match_request()
        except HttpResponseException as error:
            self.request.routing_exception = error  # type: ignore[assignment]


class ActionAdapter:
    """Matches one request: Web API's actions first, then the application's other routes."""

    def __init__(self, app: WebApi, environ: WSGIEnvironment) -> None:
        self.app = app
        self.environ = environ

    def match(self, return_rule: bool = True) -> tuple[Rule, Mapping[str, Any]]:
        """Return the rule and its arguments; raises HttpResponseException."""
        environ = self.environ
        request_uri = uri_of(environ)
        found = self.app.selector.find(request_uri.path)
        if isinstance(found, str):
            return self._match_other(request_uri, found)
        argument = bind(found, environ["REQUEST_METHOD"], request_uri)
        return self.app.actions[found], {found.parameter: argument}

    def _match_other(
        self, request_uri: uri.RequestUri, detail: str
    ) -> tuple[Rule, Mapping[str, Any]]:
        path = self.app.selector.relative_path(request_uri.path)
        if path is not None:
            try:
                return self.native.match(f"/{path}", return_rule=True)
            except NotFound:
                pass
            except MethodNotAllowed as error:
                raise method_not_supported(
                    self.environ["REQUEST_METHOD"], error.valid_methods or ()
                ) from None
        raise not_found(request_uri, detail)

    @property
    def native(self) -> MapAdapter:
        """Werkzeug's adapter for the request."""
        adapter = Flask.create_url_adapter(self.app, Request(self.environ, populate_request=False))
        assert adapter is not None
        adapter.script_name = self.app.settings.base_path
        return adapter

    def __getattr__(self, name: str) -> Any:
        """Be Werkzeug's adapter in everything else: building URLs, testing paths."""
        return getattr(self.native, name)


def uri_of(environ: WSGIEnvironment) -> uri.RequestUri:
    """Return the URI that was asked, from the request line as the server kept it."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if target is None:
        target = quote(environ["PATH_INFO"].encode("latin-1")) + "?" + environ["QUERY_STRING"]
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return uri.parse(environ["wsgi.url_scheme"], host, target)
