"""Contracts, and ChargeProcess as it is documented."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from marshmallow import ValidationError

from app.server import demo
from schemas.charge_process import ChargeProcess
from schemas.clr import Boolean, DateTime, Decimal, Int32, String
from schemas.contract import Contract

_VALUE = dict(zip(ChargeProcess.members(), demo.processes()[0][1:], strict=True))


class Thing(Contract):
    """A second resource."""

    clr_namespace = "N"

    b = Int32(nullable=False)
    a = String()


def test_members_keep_declared_order() -> None:
    """The order is that of the class's body."""
    assert list(Thing.members()) == ["b", "a"]


def test_charge_process_has_the_documented_members() -> None:
    """Names, order and types of the help page's table."""
    kinds = {Int32: "integer", Boolean: "boolean", String: "string", DateTime: "date"}
    kinds[Decimal] = "decimal number"

    documented = re.findall(r"(\w+) ([a-z ]+)", _DOCUMENTED)

    assert [(name, kinds[type(field)]) for name, field in ChargeProcess.members().items()] == (
        documented
    )


_DOCUMENTED = """
process_id integer; active boolean; charge_complete boolean; payment_complete boolean;
station_name string; socket_name string; socket_type string; socket_kwh string;
start_date date; end_date date; start_percent decimal number; current_percent decimal number;
end_percent decimal number; used_kwh decimal number; average_kwh decimal number;
company_name string; company_image string; socket_image string; price decimal number;
price_unit string; pricing decimal number; pricing_unit string
"""


def test_row_equals_load() -> None:
    """marshmallow's own load gives the same values."""
    assert tuple(ChargeProcess().load(_VALUE).values()) == ChargeProcess.row(_VALUE)


@pytest.mark.parametrize(
    ("change", "member", "reason"),
    [
        ({"price": "abc"}, "price", "decimal number"),
        ({"active": 1}, "active", "true or false"),
        ({"process_id": None}, "process_id", "null"),
        ({"extra": 1}, "extra", "Unknown|not a member"),
    ],
)
def test_what_is_wrong_is_named(change: Mapping[str, object], member: str, reason: str) -> None:
    """Both roads raise with the member's name."""
    value: dict[str, Any] = {**_VALUE, **change}

    for load in (ChargeProcess().load, ChargeProcess.row):
        with pytest.raises(ValidationError) as raised:
            load(value)
        assert list(raised.value.messages_dict) == [member]
        assert re.search(reason, raised.value.messages_dict[member][0])


@pytest.mark.parametrize("member", list(ChargeProcess.members()))
def test_a_missing_member_is_no_null(member: str) -> None:
    """Leaving a member out is an error for each of them."""
    value = {name: text for name, text in _VALUE.items() if name != member}

    for load in (ChargeProcess().load, ChargeProcess.row):
        with pytest.raises(ValidationError) as raised:
            load(value)
        assert list(raised.value.messages_dict) == [member]
