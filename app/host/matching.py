"""From a request to its rule and its arguments: Web API's actions, then Flask's own routes."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, MapAdapter, Rule

from app.host import environ as keys
from app.host.environ import Environ
from app.webapi.http_error import HttpResponseException, method_not_supported, not_found
from app.webapi.routing import ActionSelector, HttpActionDescriptor, bind, http_method
from app.webapi.uri import RequestUri

Matched = tuple[Rule, Mapping[str, Any]]

_KEPT_BY_SERVERS = "/!\"$&'()*+,:;<=>@[\\]^`{|}"


class NotMatched(HTTPException):
    """What Web API's rules answer to a request without an action, kept by Flask until dispatch."""

    def __init__(self, error: HttpResponseException) -> None:
        super().__init__()
        self.code = error.status
        self.error = error


class ApiRule(Rule):
    """A rule; with ``any_case`` it takes GET only, and its path, in lower case, in any case."""

    def __init__(self, string: str, *, any_case: bool = False, **options: Any) -> None:
        super().__init__(string, **options)
        self.any_case = any_case
        if any_case and self.methods:
            # Werkzeug adds HEAD, which Web API answers as any wrong verb.
            self.methods.discard("HEAD")


class ApiAdapter(MapAdapter):
    """Matches one request by Web API's rules, and builds URLs as Werkzeug does.

    Args:
        url_map: Flask's rules, those of the actions among them.
        selector: finds the action for a path.
        actions: the rule of each action.
        base_path: the virtual directory that URLs are built under.
        environ: the request's WSGI environment.
    """

    def __init__(
        self,
        url_map: Map,
        selector: ActionSelector,
        actions: Mapping[HttpActionDescriptor, Rule],
        base_path: str,
        environ: Environ,
    ) -> None:
        super().__init__(
            url_map,
            # As it was sent: a Host that is no host name is refused nowhere.
            server_name=environ.get(keys.HOST) or environ[keys.SERVER_NAME],
            script_name=base_path,
            subdomain="",
            url_scheme=environ[keys.URL_SCHEME],
            path_info=environ[keys.PATH_INFO],
            default_method=http_method(environ[keys.REQUEST_METHOD]),
            query_args=environ.get(keys.QUERY_STRING, ""),
        )
        self._selector = selector
        self._actions = actions
        self._environ = environ

    def match(self, path_info: str | None = None, *args: Any, **options: Any) -> Any:
        """Return the request's rule and arguments; with a path, what Werkzeug finds for it.

        Raises NotMatched.
        """
        if path_info is not None:
            return super().match(path_info, *args, **options)
        try:
            matched = self._environ[keys.MATCHED] = self._match_request()
        except HttpResponseException as error:
            raise NotMatched(error) from None
        return matched

    def _match_request(self) -> Matched:
        uri = uri_of(self._environ)
        path, query = uri.split()
        found = self._selector.find(path)
        if isinstance(found, str):
            return self._match_other(uri, path, found)
        try:
            argument = bind(found, self.default_method, query, uri)
        except HttpResponseException:
            # The log says which action was meant.
            self._environ[keys.MATCHED] = (self._actions[found], {})
            raise
        return self._actions[found], {found.parameter: argument}

    def _match_other(self, uri: RequestUri, path: str, detail: str) -> Matched:
        relative = self._selector.relative_path(path)
        # Werkzeug would skip leading slashes, and so find an action that Web API doesn't.
        if relative is None or relative[:1] == "/":
            raise not_found(uri, detail)
        try:
            return self._match_any_case(f"/{relative}")
        except NotFound:
            raise not_found(uri, detail) from None
        except MethodNotAllowed as error:
            raise method_not_supported(self.default_method, error.valid_methods or ()) from None

    def _match_any_case(self, path: str) -> Matched:
        """Match a path as it is, then in lower case by the rules that allow it."""
        try:
            return super().match(path, return_rule=True)
        except NotFound:
            lowered = path.lower()
            if not self._allows_any_case(lowered):
                raise
            return super().match(lowered, return_rule=True)

    def _allows_any_case(self, lowered: str) -> bool:
        try:
            rule, _ = super().match(lowered, "GET", return_rule=True)
        except (NotFound, MethodNotAllowed):
            return False
        return isinstance(rule, ApiRule) and rule.any_case


def uri_of(environ: Environ) -> RequestUri:
    """Return the URI that was asked, from the request line as the server kept it.

    Where the server kept only the decoded path (granian), its reserved characters are taken as
    they are.
    """
    target = environ.get(keys.RAW_URI) or environ.get(keys.REQUEST_URI)
    if target is None:
        target = quote(environ[keys.PATH_INFO].encode("latin-1"), safe=_KEPT_BY_SERVERS)
        if environ.get(keys.QUERY_STRING):
            target += "?" + environ[keys.QUERY_STRING]
    host = environ.get(keys.HOST) or f"{environ[keys.SERVER_NAME]}:{environ[keys.SERVER_PORT]}"
    return RequestUri(environ[keys.URL_SCHEME], host, target)
