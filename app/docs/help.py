"""The help page's words, drawn from the actions and their contracts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask import Flask

from app.docs.samples import written_sample
from app.host.application import WebApi
from app.host.data_contracts import data_contract
from app.webapi.clr_types import WRITTEN
from app.webapi.routing import HttpActionDescriptor
from schemas.contract import Contract


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
    def path(self) -> str:
        """The path below the base path."""
        return f"/{self.descriptor.controller}/{self.descriptor.action}"

    @property
    def members(self) -> list[tuple[str, str]]:
        """The contract's members and their types."""
        return [(member.name, member.type) for member in members(self.contract)]


@dataclass(frozen=True, slots=True)
class Member:
    """A contract's member as the model page shows it; ``written`` is format -> a sample's text."""

    name: str
    type: str
    clr_name: str
    description: str
    nullable: bool
    range: str
    written: Mapping[str, str]


def members(contract: type[Contract]) -> list[Member]:
    """Describe a contract's members in declared order."""
    declared = data_contract(contract).members
    return [
        Member(
            member.name,
            WRITTEN[member.type].help,
            field.clr_name,
            str(field.metadata.get("description", "")),
            bool(field.allow_none),
            field.range,
            written_sample(member, number),
        )
        for number, (member, field) in enumerate(
            zip(declared, contract.members().values(), strict=True), start=1
        )
    ]


def apis(app: Flask) -> list[Api]:
    """Return the application's actions in declared order."""
    return [Api(found, contract) for found, contract in cast(WebApi, app).contracts.items()]


def api_with_id(app: Flask, friendly_id: str) -> Api | None:
    """Find an action by its page's address, in any case."""
    lowered = friendly_id.lower()
    return next((api for api in apis(app) if api.friendly_id.lower() == lowered), None)
