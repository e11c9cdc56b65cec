"""A resource: a contract whose values are stored and requested by an Int32."""

from dataclasses import dataclass

from schemas.clr import Int32
from schemas.contract import Contract


# Compared and hashed by identity: it is a key for every request.
@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """What the store, the actions and the commands know of a contract.

    Args:
        contract: what a value looks like.
        key: the Int32 member that tells stored values apart; of several with the same
            ``asked_by``, the one with the highest key is answered.
        asked_by: the action's parameter, an Int32 that is stored beside the members.
        plural: what the commands call several values.

    Raises ValueError for a key that the contract lacks, or a parameter that it has.
    """

    contract: type[Contract]
    key: str
    asked_by: str
    plural: str = "values"

    def __post_init__(self) -> None:
        """Compare the names with the contract."""
        name, members = self.contract.name(), self.contract.members()
        key = members.get(self.key)
        if not isinstance(key, Int32) or key.allow_none:
            raise ValueError(f"{name}'s key must be an Int32 that is never null, not {self.key}")
        if self.asked_by in members:
            raise ValueError(f"{name} is asked by {self.asked_by}, which must not be a member")
