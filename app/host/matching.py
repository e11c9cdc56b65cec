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

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_KEPT_BY_SERVERS = "/!\"$&'()*+,:;<=>@[\\]^`{|}"


class NotMatched(HTTPException):
    """What Web API's rules answer to a request without an action, kept by Flask until dispatch."""

    def __init__(self, error: HttpResponseException) -> None:
        super().__init__()
        self.code = error.status
        self.error = error


class ApiRule(Rule):
    """A rule for a path that is canonicalised first, as Web API's are.

    With ``any_case`` it takes GET only, and its path, in lower case, in any case. With ``exact``
    it takes the path as it was sent only: what a proxy hides, or lets through, by comparing it.
    """

    def __init__(
        self, string: str, *, any_case: bool = False, exact: bool = False, **options: Any
    ) -> None:
        super().__init__(string, **options)
        self.any_case = any_case
        self.exact = exact
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
        self._base_path = base_path.rstrip("/")

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
        for candidate in (f"/{relative}", f"/{relative}".lower()):
            rule = self._rule(candidate)
            if rule is not None and self._takes(rule, path, candidate == f"/{relative}"):
                return self._match_method(candidate)
        raise not_found(uri, detail)

    def _rule(self, path: str) -> Rule | None:
        """Return the rule for a path, whatever the method is."""
        try:
            return super().match(path, "GET", return_rule=True)[0]
        except MethodNotAllowed as error:
            methods = error.valid_methods or ()
            return super().match(path, next(iter(methods)), return_rule=True)[0]
        except NotFound:
            return None

    def _takes(self, rule: Rule, path: str, is_as_sent: bool) -> bool:
        """Whether a rule takes a path, which Web API's rules have led to it."""
        if getattr(rule, "exact", False):
            return path == self._base_path + rule.rule
        return is_as_sent or getattr(rule, "any_case", False)

    def _match_method(self, path: str) -> Matched:
        try:
            return super().match(path, return_rule=True)
        except MethodNotAllowed as error:
            raise method_not_supported(self.default_method, error.valid_methods or ()) from None


def uri_of(environ: Environ) -> RequestUri:
    """Return the requested URI, from the request line as the server kept it.

    Where the server kept only the decoded path (granian), its reserved characters are taken as
    they are.
    """
    target = environ.get(keys.RAW_URI) or environ.get(keys.REQUEST_URI)
    if target is None:
        target = quote(environ[keys.PATH_INFO].encode("latin-1"), safe=_KEPT_BY_SERVERS)
        if environ.get(keys.QUERY_STRING):
            target += "?" + environ[keys.QUERY_STRING]
    if not target.isascii():
        # Bytes that some servers let through unescaped: http.sys reads them as UTF-8, too.
        target = quote(target.encode("latin-1"), safe=_PRINTABLE)
    host = environ.get(keys.HOST) or f"{environ[keys.SERVER_NAME]}:{environ[keys.SERVER_PORT]}"
    return RequestUri(environ[keys.URL_SCHEME], host, target)
