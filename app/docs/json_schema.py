"""A contract as JSON Schema (2020-12)."""

import json
from typing import Any

from schemas.clr import ClrField
from schemas.contract import Contract


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
    found = {**field.json_schema}
    if description := field.metadata.get("description"):
        found["description"] = description
    return {**found, "type": [found["type"], "null"]} if field.allow_none else found
