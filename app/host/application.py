"""Hosts Web API's rules in Flask: a Flask application whose routes are Web API actions.

A request's steps, in order:

1. ``WebApi.match``: action selection and binding; an error is kept until dispatch.
2. Flask's dispatch: before-request hooks, then the action's view with its typed argument.
3. ``responses``: negotiate, write.
4. ``errors``: whatever went wrong on the way, as an HttpError on the same road.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from flask import Response
from flask.ctx import RequestContext
from flask.wrappers import Request
from werkzeug.exceptions import BadHost, HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, Rule

from app.config import Settings
from app.host.environ import MATCHED
from app.host.lean import LeanFlask, LeanRequestContext
from app.store.store import Store
from app.webapi import uri
from app.webapi.http_error import HttpResponseException, method_not_supported, not_found
from app.webapi.routing import ActionSelector, HttpActionDescriptor, bind, http_method
from schemas.contract import Contract

WSGIEnvironment = dict[str, Any]
View = Callable[..., Response]
Match = tuple[Rule, Mapping[str, Any]]

_KEPT_BY_SERVERS = "/!\"$&'()*+,:;<=>@[\\]^`{|}"


class ApiRule(Rule):
    """A rule; with ``any_case`` it takes GET only, and its path, in lower case, in any case."""

    def __init__(self, string: str, *, any_case: bool = False, **options: Any) -> None:
        super().__init__(string, **options)
        self.any_case = any_case
        if any_case and self.methods:
            # Werkzeug adds HEAD, which Web API answers as any wrong verb.
            self.methods.discard("HEAD")


class WebApi(LeanFlask):
    """A Flask application with Web API's action selection, its settings and its store."""

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
            self.add_url_rule(f"/{controller}/{action}", f"{controller}.{action}", view)
            self.actions[descriptor] = next(self.url_map.iter_rules(f"{controller}.{action}"))
            self.contracts[descriptor] = returns
            self.selector = ActionSelector(self.actions, self.settings.base_path)
            return view

        return declare

    def auto_find_instance_path(self) -> str:
        """Return Flask's instance folder, hidden in a checkout to keep its top level as it is."""
        found = Path(super().auto_find_instance_path())
        return str(found.with_name(".instance") if found.name == "instance" else found)

    def request_context(self, environ: WSGIEnvironment) -> RequestContext:
        """Make the context in which the request is matched by Web API's rules."""
        return ApiRequestContext(self, environ)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Bind Werkzeug's adapter, which builds URLs, under the base path."""
        try:
            adapter = super().create_url_adapter(request)
        except BadHost:
            # Such as a label of more than 63 characters. Web API answers whatever the Host is.
            method = request.method if request else "GET"
            adapter = self.url_map.bind("localhost", default_method=method)
        if adapter is not None:
            adapter.script_name = self.settings.base_path.rstrip("/") + "/"
        return adapter

    def match(self, request: Request) -> Match:
        """Return a request's rule and its arguments.

        Web API's actions come first, then the application's other routes. Raises
        HttpResponseException.
        """
        environ = request.environ
        request_uri = uri_of(environ)
        path, query = request_uri.split()
        found = self.selector.find(path)
        if isinstance(found, str):
            return self._match_other(request, request_uri, path, found)
        try:
            argument = bind(found, http_method(environ["REQUEST_METHOD"]), query, request_uri)
        except HttpResponseException:
            # The log says which action was meant.
            environ[MATCHED] = (self.actions[found], {})
            raise
        return self.actions[found], {found.parameter: argument}

    def _match_other(
        self, request: Request, request_uri: uri.RequestUri, path: str, detail: str
    ) -> Match:
        relative = self.selector.relative_path(path)
        adapter = self.create_url_adapter(request)
        # Werkzeug would skip leading slashes, and so find an action that Web API doesn't.
        if relative is not None and relative[:1] != "/" and adapter is not None:
            try:
                return _match_any_case(adapter, f"/{relative}")
            except NotFound:
                pass
            except MethodNotAllowed as error:
                raise method_not_supported(request.method, error.valid_methods or ()) from None
        raise not_found(request_uri, detail)


class ApiRequestContext(LeanRequestContext):
    """Matches by Web API's rules, and keeps what they raise until dispatch, as Flask does."""

    def match_request(self) -> None:
        """Match the request."""
        request = self.request
        try:
            matched = cast(WebApi, self.app).match(request)
            request.environ[MATCHED] = matched
            request.url_rule, request.view_args = cast(tuple[Rule, dict[str, Any]], matched)
        except (HTTPException, HttpResponseException) as error:
            request.routing_exception = cast(HTTPException, error)


def _match_any_case(adapter: MapAdapter, path: str) -> Match:
    """Match a path as it is, then in lower case by the rules that allow it."""
    try:
        return adapter.match(path, return_rule=True)
    except NotFound:
        lowered = path.lower()
        if not _allows_any_case(adapter, lowered):
            raise
        return adapter.match(lowered, return_rule=True)


def _allows_any_case(adapter: MapAdapter, lowered: str) -> bool:
    try:
        rule, _ = adapter.match(lowered, "GET", return_rule=True)
    except (NotFound, MethodNotAllowed):
        return False
    return isinstance(rule, ApiRule) and rule.any_case


def uri_of(environ: WSGIEnvironment) -> uri.RequestUri:
    """Return the URI that was asked, from the request line as the server kept it.

    Where the server kept only the decoded path (granian), its reserved characters are taken as
    they are.
    """
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if target is None:
        target = quote(environ["PATH_INFO"].encode("latin-1"), safe=_KEPT_BY_SERVERS)
        if environ.get("QUERY_STRING"):
            target += "?" + environ["QUERY_STRING"]
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return uri.RequestUri(environ["wsgi.url_scheme"], host, target)
