"""The documents that there are of each contract, and the contracts of an application."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from flask import Flask

from app.docs.json_schema import json_schema
from app.docs.xsd import xsd
from app.host.application import WebApi
from schemas.contract import Contract


@dataclass(frozen=True, slots=True)
class Document:
    """How a contract's document is written and sent."""

    extension: str
    content_type: str
    write: Callable[[type[Contract]], str]


DOCUMENTS: Mapping[str, Document] = {
    "xsd": Document("xsd", "application/xml; charset=utf-8", xsd),
    "json-schema": Document("json", "application/schema+json", json_schema),
}
"""Name on the command line -> document."""


def openapi(app: Flask) -> str:
    """Return the OpenAPI document; what writes it is imported when it is asked for."""
    return str(import_module("app.docs.openapi").openapi(app))


def contracts_of(app: Flask) -> list[type[Contract]]:
    """Return the contracts that the application's actions answer with."""
    return list(dict.fromkeys(cast(WebApi, app).contracts.values()))


def contract_named(app: Flask, name: str) -> type[Contract] | None:
    """Find a contract by its name, in any case."""
    lowered = name.lower()
    return next((each for each in contracts_of(app) if each.name().lower() == lowered), None)
