"""A contract is compiled when its action is declared."""

from collections.abc import Callable

import pytest
from flask import Response, request

from app.host.application import WebApi
from app.host.responses import respond
from app.webapi.negotiation import FORMATTERS
from schemas.clr import Int32
from schemas.contract import Contract
from tests import truth


def test_a_contract_is_compiled_before_the_first_request(
    make_app: Callable[..., WebApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request compiles: both formatters know the declared contract."""

    class Meter(Contract):
        clr_namespace = "ChargeCloudAPI.Models"
        value = Int32()

    app = make_app()

    @app.action("Meter", "Read", "meter_id", returns=Meter)
    def read(meter_id: int) -> Response:
        return respond(request.environ, Meter, (meter_id,))

    for formatter in FORMATTERS:
        monkeypatch.delattr(type(formatter), "compile")
    answers = [
        truth.call(app, "/Meter/Read?meter_id=7", [("Host", "h"), ("Accept", accept)]).body
        for accept in ("text/json", "text/xml")
    ]

    assert answers[0] == b'{"value":7}'
    assert b"<value>7</value>" in answers[1]
