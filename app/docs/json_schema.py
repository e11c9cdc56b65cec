"""A contract as JSON Schema (2020-12)."""

import json
from collections.abc import Mapping
from typing import Any

from app.webapi.data_contract import ClrType
from schemas.clr import DATE_TIME, DECIMAL_MAX, INT32_MAX, INT32_MIN, ClrField
from schemas.contract import Contract

_DATE_TIME_PATTERN = f"^{DATE_TIME.pattern.replace('?P<date>', '?:')}$"
# System.Decimal's limit as the double that most readers take it for: one beyond the exact one.
_DECIMAL_LIMIT = DECIMAL_MAX + 1
_TYPES: Mapping[str, Mapping[str, Any]] = {
    ClrType.INT32.value: {
        "type": "integer",
        "format": "int32",
        "minimum": INT32_MIN,
        "maximum": INT32_MAX,
    },
    ClrType.BOOLEAN.value: {"type": "boolean"},
    ClrType.STRING.value: {"type": "string"},
    ClrType.DECIMAL.value: {
        "type": "number",
        # In the OpenAPI format registry: a generator that knows it keeps the written digits.
        "format": "decimal",
        "minimum": -_DECIMAL_LIMIT,
        "maximum": _DECIMAL_LIMIT,
    },
    ClrType.DATE_TIME.value: {"type": "string", "pattern": _DATE_TIME_PATTERN},
}


def json_schema(contract: type[Contract]) -> str:
    """Return a contract's schema; null stands for a value that does not exist."""
    members = contract.members()
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": contract.name(),
        "description": (contract.__doc__ or "").strip(),
        "type": ["object", "null"],
        "properties": {name: member_schema(field) for name, field in members.items()},
        "required": [*members],
        "additionalProperties": False,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def member_schema(field: ClrField[Any]) -> dict[str, Any]:
    """Return the schema of a contract's member."""
    found = {**_TYPES[field.clr_name]}
    if description := field.metadata.get("description"):
        found["description"] = description
    return {**found, "type": [found["type"], "null"]} if field.allow_none else found
