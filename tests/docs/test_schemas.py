"""The schemas, and the answers that they accept."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal as PythonDecimal
from typing import Any

import jsonschema
import pytest
import xmlschema
from hypothesis import given
from lxml import etree

from app.docs.documents import DOCUMENTS
from app.docs.json_schema import json_schema
from app.docs.xsd import xsd
from app.host.application import WebApi
from app.host.data_contracts import data_contract
from app.webapi.negotiation import FORMATTERS
from schemas.charge_process import ChargeProcess
from schemas.clr import DECIMAL_MAX, Decimal, String
from schemas.contract import Contract
from tests.conftest import ROOT
from tests.strategies import PROCESSES
from tests.truth import RECORDINGS, Recording, call, recordings

_FORBIDDEN = re.compile("&#x(?:[0-8BCEF]|1[0-9A-F]|FFF[EF]);")
"""References to characters that XML 1.0 forbids."""


class Tariff(Contract):
    """A second resource."""

    clr_namespace = "ChargeCloudAPI.Models"

    title = String()
    amount = Decimal(nullable=False)


def _canonical(xml: bytes) -> bytes:
    root = etree.fromstring(xml, etree.XMLParser(remove_blank_text=True))
    etree.strip_elements(root, "{http://www.w3.org/2001/XMLSchema}annotation")
    return etree.tostring(root, method="c14n")


def _text(found: Recording) -> str:
    utf16 = "utf-16" in (found.answer.header("Content-Type") or "")
    return found.answer.body.decode("utf-16" if utf16 else "utf-8")


def test_the_xsd_is_the_exporters() -> None:
    """The canonical XML of both is the same, apart from the members' descriptions."""
    exported = (RECORDINGS / "ChargeProcess.xsd").read_bytes()

    assert _canonical(xsd(ChargeProcess).encode()) == _canonical(exported)


@pytest.mark.parametrize("kind", ["application/json", "text/json"])
def test_recorded_json_is_valid(kind: str) -> None:
    """Every recorded value, null too."""
    schema = json.loads(DOCUMENTS["json-schema"].write(ChargeProcess))
    validator = jsonschema.Draft202012Validator(schema)
    found = [item for item in recordings() if item.answer.status == 200]
    chosen = [f for f in found if (f.answer.header("Content-Type") or "").startswith(kind)]

    assert chosen
    for item in chosen:
        validator.validate(json.loads(_text(item)))


def test_a_wrong_value_is_not_valid() -> None:
    """A member of another type, and a missing one, are found."""
    schema = json.loads(DOCUMENTS["json-schema"].write(Tariff))
    validator = jsonschema.Draft202012Validator(schema)

    assert validator.is_valid({"title": None, "amount": 1.0})
    assert not validator.is_valid({"title": 1, "amount": 1.0})
    assert not validator.is_valid({"title": "a"})


@pytest.mark.parametrize("sign", ["", "-"])
def test_decimals_have_their_range(sign: str) -> None:
    """However a reader holds a number: as a double, which rounds the limit, or exactly."""
    validator = jsonschema.Draft202012Validator(json.loads(json_schema(Tariff)))
    answer = f'{{"title":null,"amount":{sign}{DECIMAL_MAX}.0}}'

    assert validator.is_valid(json.loads(answer))
    assert validator.is_valid(json.loads(answer, parse_float=PythonDecimal))
    assert not validator.is_valid({"title": None, "amount": float(f"{sign}1e29")})


def test_recorded_xml_is_valid_but_for_forbidden_characters() -> None:
    """What XML 1.0 forbids can't even be parsed, and is the only exception."""
    schema = etree.XMLSchema(etree.fromstring(xsd(ChargeProcess)))
    refused = 0
    for item in recordings():
        content_type = item.answer.header("Content-Type") or ""
        if item.answer.status != 200 or "xml" not in content_type:
            continue
        text = _text(item)
        if _FORBIDDEN.search(text):
            refused += 1
            with pytest.raises(etree.XMLSyntaxError):
                etree.fromstring(text)
        else:
            schema.assertValid(etree.fromstring(text))

    assert refused > 0


def test_a_consumer_reads_and_writes_the_answers(make_app: Callable[..., WebApi]) -> None:
    """Objects that xmlschema makes of an answer become the same XML again."""
    app = make_app()
    schema: Any = xmlschema.XMLSchema(call(app, "/schemas/chargeprocess.XSD").body.decode())
    item = next(
        found
        for found in recordings()
        if found.tag == "value-xml"
        and b"nil" not in found.answer.body
        and not _FORBIDDEN.search(_text(found))
    )

    value = schema.decode(_text(item), converter=xmlschema.BadgerFishConverter)
    written = schema.encode(value, converter=xmlschema.BadgerFishConverter, path=None)

    assert [(child.tag, child.text) for child in written] == [
        (child.tag, child.text) for child in etree.fromstring(_text(item))
    ]


@pytest.mark.parametrize("name", ["xsd", "json-schema"])
def test_the_command_prints_what_is_served(
    make_app: Callable[..., WebApi], clean_env: dict[str, str], name: str
) -> None:
    """Byte for byte, without a server."""
    command = [sys.executable, "-m", "app", "schema", name]

    printed = subprocess.run(command, cwd=ROOT, env=clean_env, capture_output=True, check=True)

    path = f"/schemas/ChargeProcess.{DOCUMENTS[name].extension}"
    assert printed.stdout == call(make_app(), path).body


def test_a_second_resource_appears_by_itself(make_app: Callable[..., WebApi]) -> None:
    """In the index, on its own page and in its schemas."""
    app = make_app()
    app.action("Tariff", "Current", "tariff_id", Tariff)(lambda tariff_id: app.response_class())

    assert b"GET Tariff/Current?tariff_id={tariff_id}" in call(app, "/Help").body
    assert b"decimal number" in call(app, "/Help/Api/GET-Tariff-Current_tariff_id").body
    assert call(app, "/schemas/Tariff.xsd").body == xsd(Tariff).encode()
    assert json.loads(call(app, "/schemas/tariff.json").body)["title"] == "Tariff"


def test_an_unknown_schema_is_not_found(make_app: Callable[..., WebApi]) -> None:
    """As any unknown path."""
    assert call(make_app(), "/schemas/None.xsd").status == 404


@given(PROCESSES)
def test_any_answer_is_valid(process: dict[str, Any]) -> None:
    """In JSON always; in XML but for the characters that XML 1.0 forbids, which can't be read."""
    row = ChargeProcess.row(process)
    contract = data_contract(ChargeProcess)
    as_json, as_xml = (formatter.write(contract, row) for formatter in FORMATTERS)
    validator = jsonschema.Draft202012Validator(json.loads(json_schema(ChargeProcess)))
    schema = etree.XMLSchema(etree.fromstring(xsd(ChargeProcess)))

    validator.validate(json.loads(as_json))
    if _FORBIDDEN.search(as_xml.decode()):
        with pytest.raises(etree.XMLSyntaxError, match="xmlParseCharRef: invalid"):
            etree.fromstring(as_xml)
    else:
        schema.assertValid(etree.fromstring(as_xml))
