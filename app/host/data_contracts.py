"""The joint of contracts and formatters: a declared contract as its data contract."""

from functools import cache

from app.webapi.data_contract import ClrType, DataContract, DataMember
from app.webapi.negotiation import FORMATTERS
from schemas.contract import Contract


@cache
def data_contract(contract: type[Contract]) -> DataContract:
    """Return what the formatters need of a contract; at first, compile how they write it."""
    made = DataContract(
        contract.name(),
        contract.namespace(),
        tuple(
            DataMember(name, ClrType(field.clr_name)) for name, field in contract.members().items()
        ),
    )
    for formatter in FORMATTERS:
        formatter.writer(made)
    return made
