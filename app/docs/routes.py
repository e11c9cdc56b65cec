"""The documents' addresses; what writes them is made at the first request."""

from functools import cache

from flask import Response, request
from jinja2 import Environment, PackageLoader

from app.docs.documents import DOCUMENTS, Document, contract_named
from app.docs.help import Api, api_with_id, apis
from app.docs.samples import samples
from app.host import WebApi, uri_of
from app.responses import HEADERS
from app.webapi import messages
from app.webapi.http_error import not_found

_SAFE = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("app.docs"), autoescape=True, trim_blocks=True)


def register(app: WebApi) -> None:
    """Declare the help page under its legacy addresses, and the contracts' schemas."""
    root = app.settings.base_path.rstrip("/")

    def page(template: str, status: int = 200, **values: object) -> Response:
        html = _templates().get_template(template).render(root=root, **values)
        return _answer(html, "text/html; charset=utf-8", status)

    @app.get("/help", any_case=True)
    @app.get("/help/index", any_case=True, endpoint="help_index")
    def help_() -> Response:
        """List the actions."""
        return page("index.html", apis=apis(app))

    @app.get("/help/api/<friendly_id>", any_case=True)
    def help_api(friendly_id: str) -> Response:
        """Describe an action."""
        api = api_with_id(app, friendly_id)
        if api is None:
            return page("error.html", 404)
        return page("api.html", api=api, samples=samples(api.contract))

    @app.get("/help/resourcemodel", any_case=True)
    def help_resource_model() -> Response:
        """Describe a contract."""
        name = next((text for key, text in request.args.items() if key.lower() == "modelname"), "")
        api = _first_with(app, name)
        if api is None:
            return page("error.html", 404)
        return page("model.html", api=api)

    @app.get("/help/style.css", any_case=True)
    def help_style() -> Response:
        """The one stylesheet."""
        css = _templates().get_template("style.css").render()
        return _answer(css, "text/css; charset=utf-8")

    for document in DOCUMENTS.values():
        _declare(app, document)


def _declare(app: WebApi, document: Document) -> None:
    def view(name: str) -> Response:
        contract = contract_named(app, name)
        if contract is None:
            raise not_found(uri_of(request.environ), messages.NO_ROUTE_DATA)
        return _answer(document.write(contract), document.content_type)

    path = f"/schemas/<name>.{document.extension}"
    app.add_url_rule(path, f"schema_{document.extension}", view, methods=["GET"], any_case=True)


def _first_with(app: WebApi, name: str) -> Api | None:
    return next((api for api in apis(app) if api.contract.name().lower() == name.lower()), None)


def _answer(text: str, content_type: str, status: int = 200) -> Response:
    headers = [*HEADERS, *_SAFE, ("Content-Type", content_type)]
    return Response(text, status, headers)
