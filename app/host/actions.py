"""URL -> function: bind, find, respond."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flask import Response, request

from app.host.application import WebApi
from app.host.matching import uri_of
from app.host.responses import respond, respond_nothing
from app.webapi import messages
from app.webapi.http_error import not_found
from schemas.charge_process import ChargeProcess
from schemas.resource import Resource


@dataclass(frozen=True)
class Action:
    """A controller's action that answers with the newest value of a resource."""

    controller: str
    name: str
    resource: Resource


CHARGE_PROCESS: Final = Resource(
    ChargeProcess, key="process_id", asked_by="user_id", plural="processes"
)
ACTIONS: Final = (Action("ChargeProcess", "Status", CHARGE_PROCESS),)
"""The service's actions; the first one is what the commands mean unless another is named."""
RESOURCES: Final = tuple(action.resource for action in ACTIONS)


def register(app: WebApi, actions: Iterable[Action]) -> None:
    """Declare actions in the application."""
    for action in actions:
        _declare(app, action)


def _declare(app: WebApi, action: Action) -> None:
    resource = action.resource

    @app.action(action.controller, action.name, resource.asked_by, resource.contract)
    def view(**arguments: int) -> Response:
        """Answer the value with the highest key."""
        return _latest(app, resource, arguments[resource.asked_by])


def _no_value(resource: Resource) -> str:
    owner = resource.asked_by.removesuffix("_id").replace("_", " ")
    return messages.NO_VALUE.format(owner, resource.contract.words())


def _latest(app: WebApi, resource: Resource, asked: int) -> Response:
    row = app.store.latest(resource, asked)
    if row is None and app.settings.no_process == "204":
        return respond_nothing()
    if row is None and app.settings.no_process == "404":
        raise not_found(uri_of(request.environ), _no_value(resource))
    return respond(request.environ, resource.contract, row)
