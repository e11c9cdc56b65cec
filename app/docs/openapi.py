"""The application as an OpenAPI 3.1 document, by apispec and its marshmallow plugin."""

import json
from collections.abc import Iterator
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from app import __version__
from app.config import Settings
from app.docs.help import Api, apis
from app.docs.json_schema import member_schema
from app.docs.samples import SAMPLE_MOMENT, sample_row
from app.host.application import WebApi
from app.host.data_contracts import data_contract
from app.webapi import messages
from app.webapi.data_contract import DataContract, Row
from app.webapi.formatter import MediaTypeFormatter
from app.webapi.http_error import HttpError, HttpResponseException, internal_server_error
from app.webapi.negotiation import FORMATTERS, JSON
from app.webapi.routing import HttpActionDescriptor, bind
from app.webapi.uri import RequestUri
from schemas.clr import ClrField, Int32
from schemas.contract import Contract

_ERROR = "HttpError"


def openapi(app: WebApi) -> str:
    """Return the document of an application's actions, as indented JSON."""
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec(
        title="ChargeCloud API",
        version=__version__,
        openapi_version="3.1.0",
        plugins=[plugin],
        info={
            "summary": "The status of electric-vehicle charges.",
            "description": _DESCRIPTION,
            "license": {"name": "All rights reserved"},
        },
        servers=[{"url": app.settings.base_path}],
    )
    assert plugin.converter is not None
    plugin.converter.add_attribute_function(_member)  # type: ignore[no-untyped-call]
    spec.components.schema(_ERROR, _http_error())
    for contract in dict.fromkeys(app.contracts.values()):
        _declare(spec, contract)
    for controller in dict.fromkeys(found.controller for found in app.contracts):
        spec.tag({"name": controller, "description": f"The actions of {controller}."})
    for api in apis(app):
        path = f"/{api.descriptor.controller}/{api.descriptor.action}"
        spec.path(path, operations={"get": _operation(api, app.settings)})
    for name, scheme in _schemes(app.settings).items():
        spec.components.security_scheme(name, scheme)
    return json.dumps(spec.to_dict(), indent=2, ensure_ascii=False) + "\n"


_DESCRIPTION = (
    "Formats are chosen as ASP.NET Web API 2 does: by Accept, never with 406; JSON by default."
    " Paths and the names of parameters match in any case. In XML a contract's elements stand in"
    " the ordinal order of their names, null is i:nil, and utf-16 is sent where Accept-Charset"
    " prefers it. The schemas are also at /schemas/, as XML Schema and JSON Schema."
)


def _name(schema: object) -> str:
    """Name a contract's schema, given its class or an instance."""
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.name() if issubclass(kind, Contract) else kind.__name__


def _member(_: object, field: object, **__: object) -> dict[str, Any]:
    """Describe a contract's member for apispec, which does not know CLR types."""
    return member_schema(field) if isinstance(field, ClrField) else {}


def _declare(spec: APISpec, contract: type[Contract]) -> None:
    xml = {"name": contract.name(), "namespace": data_contract(contract).namespace}
    more = {"description": (contract.__doc__ or "").strip(), "xml": xml}
    spec.components.schema(
        contract.name(), {**more, "additionalProperties": False}, schema=contract
    )


def _http_error() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "MessageDetail is there for those whom ERROR_DETAIL lets see it.",
        "properties": {"Message": {"type": "string"}, "MessageDetail": {"type": "string"}},
        "required": ["Message"],
        "additionalProperties": False,
        "xml": {"name": "Error"},
    }


def _operation(api: Api, settings: Settings) -> dict[str, Any]:
    found = api.descriptor
    parameter = {
        "name": found.parameter,
        "in": "query",
        "required": True,
        "description": f"Whose {api.contract.name()} is read. The name matches in any case.",
        "schema": member_schema(Int32(nullable=False)),
        "example": 1,
    }
    responses = {"200": _value(api.contract, settings.no_process == "null")}
    if settings.no_process == "204":
        responses["204"] = {"description": "The user has no process."}
    detailed = settings.error_detail == "always"
    for text, error in _failures(found, settings.base_path.rstrip("/")):
        responses[str(error.status)] = _error(text, error.error, detailed)
        if error.headers:
            responses[str(error.status)]["headers"] = {
                name: {"schema": {"type": "string", "const": value}}
                for name, value in error.headers
            }
    operation = {
        "operationId": f"{found.controller}_{found.action}",
        "summary": f"Read a user's {api.contract.name()}.",
        "description": "Of several, the one with the highest key is read.",
        "tags": [found.controller],
        "parameters": [parameter],
        "responses": responses,
    }
    schemes = _schemes(settings)
    if schemes:
        denied = HttpError(messages.AUTHORIZATION_DENIED)
        responses["401"] = _error("No valid key or token.", denied)
        responses["403"] = _error("A token of another user.", denied)
        operation["security"] = [{name: []} for name in schemes]
    return operation


def _schemes(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the security schemes; any one suffices."""
    found = {}
    if settings.api_keys_file:
        found["key"] = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    if settings.jwt_jwks:
        found["token"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return found


def _failures(
    action: HttpActionDescriptor, root: str
) -> Iterator[tuple[str, HttpResponseException]]:
    """Yield what goes wrong with an action, raised by the rules themselves, and when."""
    uri = RequestUri("https", "api.example", f"{root}/{action.controller}/{action.action}")
    for text, method, query in (
        ("The parameter is empty, no number, or out of range.", "GET", f"{action.parameter}="),
        ("There is no such path, or the parameter is missing.", "GET", None),
        ("Another method than GET.", "POST", f"{action.parameter}=1"),
    ):
        try:
            bind(action, method, query, uri)
        except HttpResponseException as error:
            yield text, error
    yield "The store can't be read.", internal_server_error()


def _error(text: str, error: HttpError, detailed: bool = False) -> dict[str, Any]:
    content = _content(*error.value(detailed), _reference(_ERROR))
    return {"description": text, "content": content}


def _value(contract: type[Contract], nullable: bool) -> dict[str, Any]:
    made = data_contract(contract)
    schema: dict[str, Any] = _reference(contract.name())
    if not nullable:
        content = _content(made, sample_row(made, SAMPLE_MOMENT), schema)
        return {"description": f"The user's {contract.name()}.", "content": content}
    schema = {"anyOf": [schema, {"type": "null"}]}
    content = _content(made, sample_row(made, SAMPLE_MOMENT), schema)
    for formatter in FORMATTERS:
        for media_type in formatter.media_types:
            content[media_type]["examples"]["none"] = _example(formatter, made, None)
    return {"description": f"The user's {contract.name()}, or null.", "content": content}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(contract: DataContract, row: Row, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the four media types, each with an example that its formatter wrote."""
    return {
        media_type: {
            "schema": schema,
            "examples": {"sample": _example(formatter, contract, row)},
        }
        for formatter in FORMATTERS
        for media_type in formatter.media_types
    }


def _example(
    formatter: MediaTypeFormatter, contract: DataContract, row: Row | None
) -> dict[str, Any]:
    text = formatter.write(contract, row).decode()
    return {"value": json.loads(text) if formatter is JSON else text}
