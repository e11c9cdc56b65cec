"""A second resource costs one file in schemas/ and one line beside the actions.

It has another key, another parameter and members of every type, and goes everywhere that
ChargeProcess goes.
"""

import json
import re
import sqlite3
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest
from lxml import etree
from openapi_spec_validator import validate
from werkzeug.serving import make_server

import schemas
from app.config import Settings
from app.errors import ConfigError
from app.factory import create_app
from app.host import actions
from app.host.actions import ACTIONS, Action
from app.host.application import WebApi
from app.parity.recording import read
from app.server import demo
from schemas.charge_process import ChargeProcess
from schemas.clr import Boolean, DateTime, Decimal, Int32, String
from schemas.contract import Contract
from schemas.resource import Resource
from tests import truth


class MeterReading(Contract):
    """What a meter showed."""

    clr_namespace = "ChargeCloudAPI.Metering"

    total = Decimal("The meter's count, in kWh.")
    reading_no = Int32("The reading's number.", nullable=False)
    is_open = Boolean()
    label = String()
    read_at = DateTime()


_READINGS = Resource(MeterReading, key="reading_no", asked_by="station_id", plural="readings")
_METERING = [*ACTIONS, Action("Metering", "Last", _READINGS)]
_LINES = (
    '{"station_id":7,"total":11,"reading_no":3,"is_open":true,"label":"a\\u015f",'
    '"read_at":"2025-12-06T07:19:38.3037942+03:00"}\n'
    '{"station_id":7,"total":null,"reading_no":4,"is_open":false,"label":null,"read_at":null}\n'
    '{"station_id":8,"total":12.50,"reading_no":-1,"is_open":null,"label":"<&","read_at":null}\n'
)
_TARGET = "/Metering/Last?station_id="
_JSON_OF_8 = '{"total":12.50,"reading_no":-1,"is_open":null,"label":"<&","read_at":null}'
_NAMESPACE = "http://schemas.datacontract.org/2004/07/ChargeCloudAPI.Metering"
_XML_OF_8 = (
    f'<MeterReading xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="{_NAMESPACE}">'
    '<is_open i:nil="true" /><label>&lt;&amp;</label><read_at i:nil="true" />'
    "<reading_no>-1</reading_no><total>12.50</total></MeterReading>"
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[WebApi]:
    """An application with both resources, whose tables are filled."""
    with _filled(f"sqlite:///{tmp_path / 'store.sqlite'}", tmp_path) as made:
        yield made


@contextmanager
def _filled(url: str, tmp_path: Path) -> Iterator[WebApi]:
    made = create_app(Settings(database_url=url, log_user_id=True), _METERING)
    file = tmp_path / "readings.jsonl"
    file.write_text(_LINES, encoding="utf-8")
    said = _run(made, "import", "--contract", "MeterReading", str(file))
    assert said == f"{file}: 3 readings\n"
    demo.fill(made.store)
    yield made
    made.store.close()


def _run(app: WebApi, *arguments: str) -> str:
    done = app.test_cli_runner().invoke(args=arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return str(done.output)


def _body(app: WebApi, target: str, accept: str = "application/json") -> str:
    answer = truth.call(app, target, [("Accept", accept)])
    assert answer.status == 200
    return answer.body.decode()


def test_it_goes_through_postgresql_too(postgres_url: str, tmp_path: Path) -> None:
    """Import, answer, export and check."""
    with _filled(postgres_url, tmp_path) as app:
        assert _body(app, f"{_TARGET}8", "text/xml") == _XML_OF_8
        assert _run(app, "export", "--contract", "MeterReading") == _LINES
        assert _run(app, "db", "check").endswith(", as this version needs\n")


def test_it_is_answered_in_both_formats(app: WebApi) -> None:
    """By its own parameter, with the value that has the highest key; the first one as before."""
    assert _body(app, f"{_TARGET}8") == _JSON_OF_8
    assert _body(app, f"{_TARGET}8", "text/xml") == _XML_OF_8
    assert '"reading_no":4,' in _body(app, f"{_TARGET}7")
    assert _body(app, f"{_TARGET}9") == "null"
    assert '"process_id":2,' in _body(app, "/chargeprocess/status?USER_ID=2")
    assert truth.call(app, "/Metering/Last?user_id=8").status == 404
    assert truth.call(app, f"{_TARGET}x").status == 400


def test_each_is_exported_and_imported_by_itself(app: WebApi, tmp_path: Path) -> None:
    """As lines, and as a captured answer of the legacy service."""
    answer = tmp_path / "answer.xml"
    answer.write_text(_XML_OF_8, encoding="utf-8")

    _run(app, "import", "--contract", "meterreading", "--for", "9", str(answer))

    moved = _LINES.replace('"station_id":8', '"station_id":9')
    assert _run(app, "export", "--contract", "MeterReading") == moved
    assert _run(app, "export").count('"process_id"') == len(demo.processes())


def test_its_table_has_checks(app: WebApi) -> None:
    """And a printed upsert of its own."""
    assert _run(app, "db", "check").endswith(", as this version needs\n")
    printed = _run(app, "db", "upsert", "--contract", "MeterReading")
    assert printed.startswith("INSERT INTO meter_reading (station_id, total, reading_no, ")
    assert " ON CONFLICT (reading_no) DO UPDATE SET " in printed


def test_a_store_without_its_table_gets_it(empty_url: str, tmp_path: Path) -> None:
    """At the first use after it was declared; the others keep what they hold."""
    before = create_app(Settings(database_url=empty_url))
    demo.fill(before.store)
    before.store.close()

    after = create_app(Settings(database_url=empty_url), _METERING)

    assert _body(after, f"{_TARGET}8") == "null"
    assert '"process_id":2,' in _body(after, "/ChargeProcess/Status?user_id=2")
    after.store.close()


def test_it_is_documented(app: WebApi) -> None:
    """On the help page, in OpenAPI, XSD and JSON Schema; each accepts an answer."""
    friendly = "GET-Metering-Last_station_id"
    assert "GET Metering/Last?station_id={station_id}" in _body(app, "/Help")
    assert "reading_no" in _body(app, f"/Help/Api/{friendly}")
    assert "The meter&#39;s count, in kWh." in _body(
        app, "/Help/ResourceModel?modelName=MeterReading"
    )
    document = json.loads(_body(app, "/openapi.json"))
    validate(document)
    (parameter,) = document["paths"]["/Metering/Last"]["get"]["parameters"]
    assert parameter["name"] == "station_id"
    schema = etree.XMLSchema(etree.fromstring(_body(app, "/schemas/MeterReading.xsd")))
    schema.assertValid(etree.fromstring(_XML_OF_8))
    jsonschema.validate(
        json.loads(_JSON_OF_8), json.loads(_body(app, "/schemas/meterreading.json"))
    )


def test_the_log_names_its_parameter(app: WebApi, capfd: pytest.CaptureFixture[str]) -> None:
    """Where LOG_USER_ID lets it."""
    _body(app, f"{_TARGET}8")

    assert '"station_id":8}' in capfd.readouterr().out


@contextmanager
def _serving(app: WebApi) -> Iterator[str]:
    with make_server("127.0.0.1", 0, app) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.shutdown()
            thread.join()


def test_it_is_recorded(app: WebApi, tmp_path: Path) -> None:
    """By the action's name."""
    file = tmp_path / "recordings.jsonl"

    with _serving(app) as url:
        _run(
            app,
            *("record", url, "--action", "metering/last", "--users", "8", "--output", str(file)),
        )

    assert [item.request.target for item in read(file)] == [f"{_TARGET}8", f"{_TARGET}8"]
    assert [item.answer.body for item in read(file)] == [_JSON_OF_8.encode(), _XML_OF_8.encode()]


def test_legacy_queries_stand_in_a_folder(tmp_path: Path) -> None:
    """One for each contract, with its own parameter; a single file is refused."""
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as old:
        old.execute("CREATE TABLE Sayac (Istasyon int, Okuma int, Toplam text)")
        old.execute("INSERT INTO Sayac VALUES (8, -1, '12.50')")
        old.commit()
    queries = tmp_path / "queries"
    queries.mkdir()
    (queries / "MeterReading.sql").write_text(
        "SELECT Toplam AS total, Okuma AS reading_no, NULL AS is_open, '<&' AS label,"
        " NULL AS read_at FROM Sayac WHERE Istasyon = :station_id",
        encoding="utf-8",
    )
    members = ", ".join(f"NULL AS {name}" for name in [*ChargeProcess.members()][1:])
    (queries / "ChargeProcess.sql").write_text(
        f"SELECT :user_id AS process_id, {members}", encoding="utf-8"
    )
    file = str(queries / "MeterReading.sql")

    app = create_app(Settings(database_url=url, status_query=str(queries)), _METERING)
    app.store.check()

    assert _body(app, f"{_TARGET}8") == _JSON_OF_8
    assert _body(app, "/ChargeProcess/Status?user_id=5").startswith('{"process_id":5,')
    app.store.close()
    with pytest.raises(ConfigError, match=r"folder with ChargeProcess\.sql, MeterReading\.sql"):
        create_app(Settings(database_url=url, status_query=file), _METERING)


def test_the_steps_of_the_readme_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract and the action of schemas/README.md, as they are there."""
    text = Path(schemas.__file__).with_name("README.md").read_text(encoding="utf-8")
    steps = re.findall(r"```python\n(.*?)```", text, re.S)
    names = {**vars(actions)}
    module = ModuleType("schemas.meter_reading")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for step, into in zip(steps, (vars(module), names), strict=True):
        exec(textwrap.dedent(step), into)
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"

    app = create_app(Settings(database_url=url), names["ACTIONS"])

    assert _body(app, f"{_TARGET}8") == "null"
    assert "reading_no" in _body(app, "/schemas/MeterReading.xsd")
    app.store.close()


@pytest.mark.parametrize(
    ("key", "asked_by", "said"),
    [
        ("total", "station_id", "MeterReading's key must be an Int32 that is never null"),
        ("nothing", "station_id", "MeterReading's key must be an Int32 that is never null"),
        ("reading_no", "label", "MeterReading is asked by label, which must not be a member"),
    ],
)
def test_a_wrong_declaration_is_named(key: str, asked_by: str, said: str) -> None:
    """When the module is imported."""
    with pytest.raises(ValueError, match=said):
        Resource(MeterReading, key=key, asked_by=asked_by)
