"""The documents' addresses; what writes them is made at the first request."""

from collections.abc import Sequence
from functools import cache
from urllib.parse import urlencode

from flask import Response, request
from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from app.docs import try_it
from app.docs.documents import DOCUMENTS, Document, contract_named, openapi
from app.docs.help import Api, api_with_id, apis, members
from app.docs.samples import samples
from app.host.application import WebApi
from app.host.matching import uri_of
from app.host.responses import HEADERS
from app.webapi import messages
from app.webapi.http_error import not_found
from app.webapi.negotiation import FORMATTERS

_VALUE = "value"
_SAFE = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        " form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
# Tools on other sites read the documents; nothing else here is for other origins.
_ANY_ORIGIN = (("Access-Control-Allow-Origin", "*"),)


@cache
def _templates() -> Environment:
    made = Environment(loader=PackageLoader("app.docs"), autoescape=True, trim_blocks=True)
    made.filters["exact"] = _exact
    return made


def _exact(text: str) -> Markup:
    """Escape a text so that a browser, which reads CR as a line feed, shows it as it is."""
    return Markup(escape(text).replace("\r", Markup("&#13;")))


def register(app: WebApi) -> None:
    """Declare the help page under its legacy addresses, and the contracts' schemas."""
    _declare_pages(app)
    _declare_file(app, "style.css", "text/css; charset=utf-8")
    _declare_file(app, "script.js", "text/javascript; charset=utf-8")
    _declare_file(app, "icon.svg", "image/svg+xml")

    @app.get("/openapi.json", any_case=True)
    def openapi_json() -> Response:
        """The actions for machines."""
        return _answer(openapi(app), "application/json", more=_ANY_ORIGIN)

    for document in DOCUMENTS.values():
        _declare(app, document)


def _declare_pages(app: WebApi) -> None:
    root = app.settings.base_path.rstrip("/")

    def page(template: str, status: int = 200, **values: object) -> Response:
        html = _templates().get_template(template).render(root=root, **values)
        return _answer(html, "text/html; charset=utf-8", status)

    @app.get("/help", any_case=True)
    @app.get("/help/index", any_case=True, endpoint="help_index")
    def help_() -> Response:
        """List the actions."""
        return page("index.html", apis=apis(app), curls=_curls)

    @app.get("/help/api/<friendly_id>", any_case=True)
    def help_api(friendly_id: str) -> Response:
        """Describe an action."""
        api = api_with_id(app, friendly_id)
        if api is None:
            return page("not_found.html", 404)
        return page("api.html", api=api, samples=samples(api.contract))

    @app.get("/help/resourcemodel", any_case=True)
    def help_resource_model() -> Response:
        """Describe a contract."""
        name = next((text for key, text in request.args.items() if key.lower() == "modelname"), "")
        api = _first_with(app, name)
        if api is None:
            return page("not_found.html", 404)
        return page("model.html", api=api, members=members(api.contract))

    @app.get("/help/try/<friendly_id>", any_case=True)
    def help_try(friendly_id: str) -> Response:
        """Ask an action as the form says, and show what is on the wire."""
        api = api_with_id(app, friendly_id)
        if api is None:
            return page("not_found.html", 404)
        values = {name: request.args.get(name, "") for name in (_VALUE, *try_it.HEADERS)}
        exchange = None
        if _VALUE in request.args:
            exchange = try_it.ask(app, api.descriptor, values[_VALUE], values, request.environ)
        return page(
            "try.html",
            api=api,
            values=values,
            exchange=exchange,
            curl=exchange and exchange.curl(_host()),
            choices=try_it.CHOICES,
            presets={
                name: urlencode({_VALUE: values[_VALUE] or "1", **headers})
                for name, headers in try_it.PRESETS.items()
            },
        )


def _declare_file(app: WebApi, name: str, content_type: str) -> None:
    def view() -> Response:
        return _answer(_templates().get_template(name).render(), content_type)

    app.add_url_rule(
        f"/help/{name}", f"help_{name.partition('.')[0]}", view, methods=["GET"], any_case=True
    )


def _declare(app: WebApi, document: Document) -> None:
    def view(name: str) -> Response:
        contract = contract_named(app, name)
        if contract is None:
            raise not_found(uri_of(request.environ), messages.NO_ROUTE_DATA)
        return _answer(document.write(contract), document.content_type, more=_ANY_ORIGIN)

    path = f"/schemas/<name>.{document.extension}"
    app.add_url_rule(path, f"schema_{document.extension}", view, methods=["GET"], any_case=True)


def _first_with(app: WebApi, name: str) -> Api | None:
    return next((api for api in apis(app) if api.contract.name().lower() == name.lower()), None)


def _host() -> str:
    """Return the scheme and the host of the reader's request."""
    asked = uri_of(request.environ)
    return f"{asked.scheme}://{asked.host}"


def _curls(api: Api, root: str) -> list[tuple[str, str]]:
    """Return a curl command for each format of an action."""
    url = f"{_host()}{root}{api.path}?{api.descriptor.parameter}=1"
    types = [formatter.media_types[0] for formatter in FORMATTERS]
    return [(kind, try_it.curl(url, {"Accept": kind})) for kind in types]


def _answer(
    text: str, content_type: str, status: int = 200, more: Sequence[tuple[str, str]] = ()
) -> Response:
    headers = [*HEADERS, *_SAFE, *more, ("Content-Type", content_type)]
    return Response(text, status, headers)
