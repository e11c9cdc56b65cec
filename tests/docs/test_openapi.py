"""The OpenAPI document, and the service that it describes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from flask import Response
from openapi_spec_validator import validate

from app.docs.documents import openapi
from app.host.application import WebApi
from app.host.responses import respond
from schemas.clr import Decimal, String
from schemas.contract import Contract
from tests import truth

_TYPES = ["application/json", "text/json", "application/xml", "text/xml"]
_COMMAND = [sys.executable, "-m", "app"]


class Tariff(Contract):
    """A second resource."""

    clr_namespace = "ChargeCloudAPI.Models"

    title = String()
    amount = Decimal(nullable=False)


def _document(app: WebApi) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(truth.call(app, "/openapi.json").body)
    return found


def _responses(app: WebApi) -> dict[str, Any]:
    found: dict[str, Any] = _document(app)["paths"]["/ChargeProcess/Status"]["get"]["responses"]
    return found


def test_the_document_is_valid(make_app: Callable[..., WebApi]) -> None:
    """OpenAPI 3.1, whatever the settings are."""
    settings: list[dict[str, Any]] = [
        {},
        {"no_process": "204", "base_path": "/Cloud"},
        {"no_process": "404", "api_keys_file": "/none"},
    ]
    for each in settings:
        document = json.loads(openapi(make_app(**each)))
        validate(document)
        assert document["openapi"] == "3.1.0"


def test_every_answer_is_there_in_four_media_types(make_app: Callable[..., WebApi]) -> None:
    """200, 400, 404, 405 and 500, each with an example."""
    responses = _responses(make_app())

    assert list(responses) == ["200", "400", "404", "405", "500"]
    for response in responses.values():
        assert list(response["content"]) == _TYPES
        assert all(content["examples"]["sample"] for content in response["content"].values())


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/ChargeProcess/Status?user_id=999999", "GET", "200"),
        ("/ChargeProcess/Status?user_id=x", "GET", "400"),
        ("/ChargeProcess/Status", "GET", "404"),
        ("/ChargeProcess/Status?user_id=1", "POST", "405"),
    ],
)
@pytest.mark.parametrize("media_type", _TYPES)
@pytest.mark.parametrize("detail", ["never", "always"])
def test_examples_are_what_the_service_answers(
    make_app: Callable[..., WebApi],
    target: str,
    method: str,
    status: str,
    media_type: str,
    detail: str,
) -> None:
    """Byte for byte in XML, value for value in JSON."""
    app = make_app(error_detail=detail)
    examples = _responses(app)[status]["content"][media_type]["examples"]
    expected = examples["none" if status == "200" else "sample"]["value"]
    headers = [("Host", "api.example"), ("Accept", media_type)]

    answer = truth.call(app, target, headers, method, **{"wsgi.url_scheme": "https"})

    found = answer.body.decode()
    assert str(answer.status) == status
    assert (json.loads(found) if "json" in media_type else found) == expected


def test_json_examples_fit_their_schemas(make_app: Callable[..., WebApi]) -> None:
    """Each against the one beside it."""
    document = _document(make_app())
    operation = document["paths"]["/ChargeProcess/Status"]["get"]
    count = 0
    for response in operation["responses"].values():
        for media_type in _TYPES[:2]:
            content = response["content"][media_type]
            schema = {**content["schema"], "components": document["components"]}
            for example in content["examples"].values():
                jsonschema.Draft202012Validator(schema).validate(example["value"])
                count += 1

    assert count == 12


def test_xml_has_its_names(make_app: Callable[..., WebApi]) -> None:
    """So that generated clients read it."""
    schemas = _document(make_app())["components"]["schemas"]

    assert schemas["ChargeProcess"]["xml"] == {
        "name": "ChargeProcess",
        "namespace": "http://schemas.datacontract.org/2004/07/ChargeCloudAPI.Models",
    }
    assert schemas["HttpError"]["xml"] == {"name": "Error"}


def test_the_parameter_has_its_range(make_app: Callable[..., WebApi]) -> None:
    """That of Int32."""
    (parameter,) = _document(make_app())["paths"]["/ChargeProcess/Status"]["get"]["parameters"]

    assert parameter["required"]
    assert parameter["schema"] == {
        "type": "integer",
        "format": "int32",
        "minimum": -(2**31),
        "maximum": 2**31 - 1,
    }


def test_settings_show(make_app: Callable[..., WebApi]) -> None:
    """What a user without a process gets, the base path, and what lets a request in."""
    document = json.loads(
        openapi(make_app(no_process="204", base_path="/Cloud", api_keys_file="/none"))
    )
    operation = document["paths"]["/ChargeProcess/Status"]["get"]

    assert document["servers"] == [{"url": "/Cloud"}]
    assert list(operation["responses"]) == ["200", "204", "400", "404", "405", "500", "401", "403"]
    assert operation["security"] == [{"key": []}]


def test_a_second_resource_appears_by_itself(make_app: Callable[..., WebApi]) -> None:
    """In every document."""
    app = make_app()

    @app.action("Tariff", "Current", "place_id", returns=Tariff)
    def current(place_id: int) -> Response:
        return respond({}, Tariff, None)

    document = _document(app)
    validate(document)
    assert "/Tariff/Current" in document["paths"]
    assert list(document["components"]["schemas"]["Tariff"]["properties"]) == ["title", "amount"]
    responses = document["paths"]["/Tariff/Current"]["get"]["responses"]
    assert "'https://api.example/Tariff/Current'" in json.dumps(responses["404"])
    assert "ChargeProcess" not in json.dumps(responses)
    assert b"GET Tariff/Current?place_id={place_id}" in truth.call(app, "/Help").body
    assert truth.call(app, "/schemas/Tariff.xsd").status == 200
    assert truth.call(app, "/Help/Try/GET-Tariff-Current_place_id").status == 200


def test_the_command_prints_the_same(make_app: Callable[..., WebApi]) -> None:
    """Without a server."""
    app = make_app()

    done = app.test_cli_runner().invoke(args=["schema", "openapi"])

    assert done.output.encode() == truth.call(app, "/openapi.json").body


def test_schemathesis_finds_nothing(
    database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """The live service does what its document says, whatever is sent."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    with truth.running([*_COMMAND, "serve", "--bind", f"127.0.0.1:{port}"], port, env, tmp_path):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                f"http://127.0.0.1:{port}/openapi.json",
                *("--max-examples", "100", "--no-color", "--generation-deterministic"),
            ],
            env=clean_env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    assert "No issues found" in done.stdout, done.stdout
    assert done.returncode == 0


def test_the_document_says_what_linters_ask_for(make_app: Callable[..., WebApi]) -> None:
    """A summary, a description, a license, and a tag that is declared."""
    document = _document(make_app())
    operation = document["paths"]["/ChargeProcess/Status"]["get"]

    assert all(document["info"][name] for name in ("summary", "description", "license"))
    assert all(operation[name] for name in ("summary", "description", "operationId"))
    assert operation["tags"] == [tag["name"] for tag in document["tags"]] == ["ChargeProcess"]


def test_decimals_say_that_they_are_decimals(make_app: Callable[..., WebApi]) -> None:
    """So that a generator that can keep their digits does."""
    price = _document(make_app())["components"]["schemas"]["ChargeProcess"]["properties"]["price"]

    assert (price["type"], price["format"]) == (["number", "null"], "decimal")


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("/openapi.json", "*"),
        ("/schemas/ChargeProcess.xsd", "*"),
        ("/schemas/ChargeProcess.json", "*"),
        ("/ChargeProcess/Status?user_id=1", None),
        ("/Help", None),
        ("/healthz", None),
    ],
)
def test_other_origins_may_read_the_documents_only(
    make_app: Callable[..., WebApi], path: str, origin: str | None
) -> None:
    """Tools on other sites load them; a status is for its own clients."""
    answer = truth.call(make_app(), path)

    assert answer.status == 200
    assert answer.header("Access-Control-Allow-Origin") == origin
