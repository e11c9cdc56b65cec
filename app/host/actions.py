"""URL -> function: bind, find, respond."""

from flask import Response, request

from app.host.application import WebApi, uri_of
from app.host.responses import respond, respond_nothing
from app.webapi import messages
from app.webapi.data_contract import Row
from app.webapi.http_error import not_found
from schemas.charge_process import ChargeProcess
from schemas.contract import Contract


def register(app: WebApi) -> None:
    """Declare the service's actions."""

    @app.action("ChargeProcess", "Status", returns=ChargeProcess)
    def status(user_id: int) -> Response:
        """Answer the user's most recent process: the one with the highest id."""
        return _answer(app, ChargeProcess, app.store.latest(user_id))


def _answer(app: WebApi, contract: type[Contract], row: Row | None) -> Response:
    if row is None and app.settings.no_process == "204":
        return respond_nothing()
    if row is None and app.settings.no_process == "404":
        raise not_found(uri_of(request.environ), messages.NO_PROCESS)
    return respond(request.environ, contract, row)
