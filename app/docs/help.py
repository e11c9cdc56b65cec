"""The help page's words, drawn from the actions and their contracts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask import Flask

from app.host.application import WebApi
from app.webapi.data_contract import ClrType
from app.webapi.routing import HttpActionDescriptor
from schemas.contract import Contract

TYPES: Mapping[str, str] = {
    ClrType.INT32.value: "integer",
    ClrType.BOOLEAN.value: "boolean",
    ClrType.STRING.value: "string",
    ClrType.DECIMAL.value: "decimal number",
    ClrType.DATE_TIME.value: "date",
}
"""A CLR type's name on the help page (ModelDescriptionGenerator)."""


@dataclass(frozen=True, slots=True)
class Api:
    """An action as the help page shows it (HelpPageApiModel)."""

    descriptor: HttpActionDescriptor
    contract: type[Contract]

    @property
    def title(self) -> str:
        """The verb and the relative path."""
        found = self.descriptor
        query = f"{found.parameter}={{{found.parameter}}}"
        return f"GET {found.controller}/{found.action}?{query}"

    @property
    def friendly_id(self) -> str:
        """The page's address (ApiDescription.GetFriendlyId)."""
        found = self.descriptor
        return f"GET-{found.controller}-{found.action}_{found.parameter}"

    @property
    def members(self) -> list[tuple[str, str]]:
        """The contract's members and their types."""
        members = self.contract.members().items()
        return [(name, TYPES[field.clr_name]) for name, field in members]


def apis(app: Flask) -> list[Api]:
    """Return the application's actions in declared order."""
    return [Api(found, contract) for found, contract in cast(WebApi, app).contracts.items()]


def api_with_id(app: Flask, friendly_id: str) -> Api | None:
    """Find an action by its page's address, in any case."""
    lowered = friendly_id.lower()
    return next((api for api in apis(app) if api.friendly_id.lower() == lowered), None)
