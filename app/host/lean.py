"""Flask's work for each request, cut to what the request uses.

Each method here leaves out what nothing is registered for, or puts off what nothing may ask for,
and leaves the rest to Flask's own method. Hooks, signals, sessions, error handlers, extensions and
the test client see no difference. Together this takes a constant view from 44 us to 13 us in
process (README, "Performance").
"""

from typing import Any, cast

from flask import Flask, Request, Response
from flask.ctx import AppContext, RequestContext
from flask.globals import _cv_app, _cv_request
from flask.sessions import SessionMixin
from flask.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, Rule

Headers = list[tuple[str, str]]
_NO_ERROR: Any = object()


class LazyRequest(Request):
    """A request that takes its parts from the environment when the first one is asked for."""

    def __init__(
        self, environ: dict[str, Any], populate_request: bool = True, shallow: bool = False
    ) -> None:
        self.environ = environ
        self.__dict__["_put_off"] = (populate_request, shallow)

    def __getattr__(self, name: str) -> Any:
        """Take the parts, once; Python asks here only for what is not there."""
        put_off = self.__dict__.pop("_put_off", None)
        if put_off is None:
            raise AttributeError(name)
        super().__init__(self.environ, *put_off)
        return getattr(self, name)


class ReadyResponse(Response):
    """A response whose status line, headers and body are ready bytes until something looks in."""

    @classmethod
    def ready(cls, status: str, headers: Headers, body: bytes) -> "ReadyResponse":
        """Make a response of its final parts; ``headers`` hold the Content-Length."""
        response = cls.__new__(cls)
        response.__dict__["_ready"] = (status, headers, body)
        return response

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer as a WSGI application."""
        ready = self.__dict__.get("_ready")
        if ready is None:
            return super().__call__(environ, start_response)
        start_response(ready[0], ready[1])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [ready[2]]

    def __getattr__(self, name: str) -> Any:
        """Become a full response at the first look."""
        if not self._unfold():
            raise AttributeError(name)
        return getattr(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        """Become a full response before the first change."""
        self._unfold()
        super().__setattr__(name, value)

    def _unfold(self) -> bool:
        ready = self.__dict__.pop("_ready", None)
        if ready is not None:
            super().__init__(ready[2], ready[0], ready[1])
        return ready is not None


class LeanAppContext(AppContext):
    """An application context without an adapter for URLs until one is asked for."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.g = app.app_ctx_globals_class()
        self._cv_tokens = []

    def __getattr__(self, name: str) -> Any:
        """Make the adapter."""
        if name != "url_adapter":
            raise AttributeError(name)
        self.url_adapter = self.app.create_url_adapter(None)
        return self.url_adapter

    def push(self) -> None:
        """Bind the context."""
        self._cv_tokens.append(_cv_app.set(self))
        if appcontext_pushed.receivers:
            appcontext_pushed.send(self.app, _async_wrapper=self.app.ensure_sync)

    def pop(self, exc: BaseException | None = _NO_ERROR) -> None:
        """Unbind the context."""
        app = cast(LeanFlask, self.app)
        if app.tears_down_contexts or exc is _NO_ERROR:
            super().pop(*(() if exc is _NO_ERROR else (exc,)))
        else:
            _cv_app.reset(self._cv_tokens.pop())


class LeanRequestContext(RequestContext):
    """A request context that makes its adapter for URLs and its session when asked for."""

    def __init__(
        self,
        app: Flask,
        environ: dict[str, Any],
        request: Request | None = None,
        session: SessionMixin | None = None,
    ) -> None:
        self.app = app
        if request is None:
            request = app.request_class(environ)
            request.json_module = app.json
        self.request = request
        self.flashes = None
        self._session = session
        self._after_request_functions = []
        self._cv_tokens = []

    def __getattr__(self, name: str) -> Any:
        """Make the adapter."""
        if name != "url_adapter":
            raise AttributeError(name)
        self.url_adapter: MapAdapter | None = self.app.create_url_adapter(self.request)
        return self.url_adapter

    @property
    def session(self) -> SessionMixin:
        """The session, opened at its first use."""
        self.open_session()
        return super().session

    def open_session(self) -> None:
        """Open the session."""
        if self._session is None:
            interface = self.app.session_interface
            self._session = interface.open_session(self.app, self.request)
        if self._session is None:
            self._session = self.app.session_interface.make_null_session(self.app)

    def push(self) -> None:
        """Bind the context and match the request."""
        app_context = _cv_app.get(None)
        bound = None
        if app_context is None or app_context.app is not self.app:
            bound = self.app.app_context()
            bound.push()
        self._cv_tokens.append((_cv_request.set(self), bound))
        self.match_request()

    def pop(self, exc: BaseException | None = _NO_ERROR) -> None:
        """Unbind the context; nothing else is left to do for a request that was not looked at."""
        app = cast(LeanFlask, self.app)
        looked_at = "_put_off" not in self.request.__dict__
        if looked_at or exc is _NO_ERROR or app.tears_down_requests or len(self._cv_tokens) != 1:
            super().pop(*(() if exc is _NO_ERROR else (exc,)))
            return
        token, bound = self._cv_tokens.pop()
        _cv_request.reset(token)
        if bound is not None:
            bound.pop(exc)


class LeanFlask(Flask):
    """A Flask application that does only what its requests use."""

    request_class = LazyRequest
    response_class = ReadyResponse

    def __init__(self, *args: Any, **options: Any) -> None:
        self._plain_functions: set[Any] = set()
        super().__init__(*args, **options)

    def app_context(self) -> AppContext:
        """Make an application context."""
        return LeanAppContext(self)

    def request_context(self, environ: dict[str, Any]) -> RequestContext:
        """Make a request context."""
        return LeanRequestContext(self, environ)

    @property
    def tears_down_requests(self) -> bool:
        """Whether something waits for the end of a request."""
        return bool(self.teardown_request_funcs or request_tearing_down.receivers)

    @property
    def tears_down_contexts(self) -> bool:
        """Whether something waits for the end of an application context."""
        return bool(
            self.teardown_appcontext_funcs
            or appcontext_tearing_down.receivers
            or appcontext_popped.receivers
        )

    def full_dispatch_request(self) -> Response:
        """Dispatch the request between its hooks."""
        self._got_first_request = True
        try:
            if request_started.receivers:
                request_started.send(self, _async_wrapper=self.ensure_sync)
            rv = self.preprocess_request()
            if rv is None:
                rv = self.dispatch_request()
        except Exception as error:
            rv = self.handle_user_exception(error)
        return self.finalize_request(rv)

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Call what is registered for before the request."""
        if self.before_request_funcs or self.url_value_preprocessors:
            return super().preprocess_request()
        return None

    def dispatch_request(self) -> ResponseReturnValue:
        """Call the view."""
        request = _cv_request.get().request
        rule = request.url_rule
        if rule is None or request.routing_exception or _answers_options(rule):
            return super().dispatch_request()
        view = self.ensure_sync(self.view_functions[rule.endpoint])
        return cast(ResponseReturnValue, view(**(request.view_args or {})))

    def ensure_sync(self, func: Any) -> Any:
        """Remember the functions that are not coroutines."""
        if func in self._plain_functions:
            return func
        made = super().ensure_sync(func)
        if made is func:
            self._plain_functions.add(func)
        return made

    def finalize_request(
        self, rv: ResponseReturnValue | HTTPException, from_error_handler: bool = False
    ) -> Response:
        """Make a response of what the view returned."""
        if type(rv) is ReadyResponse and not (from_error_handler or request_finished.receivers):
            return self.process_response(rv)
        return super().finalize_request(rv, from_error_handler)

    def process_response(self, response: Response) -> Response:
        """Call what is registered for after the request, and save the session."""
        context = cast(LeanRequestContext, _cv_request.get())
        called = self.after_request_funcs or context._after_request_functions
        if not called and context._session is None:
            return response
        context.open_session()
        return super().process_response(response)

    def do_teardown_request(self, exc: BaseException | None = _NO_ERROR) -> None:
        """Call what is registered for the request's end."""
        if self.tears_down_requests:
            super().do_teardown_request(*(() if exc is _NO_ERROR else (exc,)))


def _answers_options(rule: Rule) -> bool:
    """Whether Flask was told to answer OPTIONS for this rule by itself."""
    return getattr(rule, "provide_automatic_options", False)
