"""What a formatter needs to know of a value: its data contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

WireValue = int | str | None
"""A member on its way to the wire: a Decimal or DateTime is its exact text, a Boolean 0 or 1."""

Row = Sequence[WireValue]
"""The members of one value, in the contract's declared order."""


class ClrType(Enum):
    """The CLR types that a member may have."""

    INT32 = "System.Int32"
    BOOLEAN = "System.Boolean"
    STRING = "System.String"
    DECIMAL = "System.Decimal"
    DATE_TIME = "System.DateTime"


@dataclass(frozen=True, slots=True)
class DataMember:
    """A member's name and type."""

    name: str
    type: ClrType


# Compared and hashed by identity: it is a key for every answer.
@dataclass(frozen=True, slots=True, eq=False)
class DataContract:
    """A type's name on the wire, its XML namespace, and its members in declared order.

    ``namespace`` is ``None`` for a type that writes its XML itself, as HttpError does.
    """

    name: str
    namespace: str | None
    members: tuple[DataMember, ...]
