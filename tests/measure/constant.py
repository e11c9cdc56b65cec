"""The peers that do nothing: a constant Flask view and a constant WSGI callable.

Their bodies are the documented sample, in the format that ``Accept`` names.
"""

from collections.abc import Iterable
from typing import Any

from flask import Flask, Response, request

from app.docs.samples import sample_row
from app.host.data_contracts import data_contract
from app.webapi.negotiation import JSON, XML
from schemas.charge_process import ChargeProcess

_CONTRACT = data_contract(ChargeProcess)
_SAMPLE = sample_row(_CONTRACT, "2025-12-06T07:19:38.3037942+03:00")
BODIES = {
    formatter.media_types[0]: formatter.write(_CONTRACT, _SAMPLE) for formatter in (JSON, XML)
}

flask_app = Flask("constant")


@flask_app.get("/ChargeProcess/Status")
def status() -> Response:
    """Answer the sample."""
    accept = request.environ["HTTP_ACCEPT"]
    return Response(BODIES[accept], mimetype=accept)


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer the sample."""
    accept = environ["HTTP_ACCEPT"]
    body = BODIES[accept]
    start_response("200 OK", [("Content-Type", accept), ("Content-Length", str(len(body)))])
    return [body]
