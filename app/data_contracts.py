"""The joint of contracts and formatters: a declared contract as its data contract."""

from functools import cache

from app.webapi.data_contract import ClrType, DataContract, DataMember
from schemas.contract import Contract


@cache
def data_contract(contract: type[Contract]) -> DataContract:
    """Return what the formatters need of a contract.

    The namespace is the one that DataContractSerializer gives to a CLR namespace.
    """
    return DataContract(
        contract.name(),
        f"http://schemas.datacontract.org/2004/07/{contract.clr_namespace}",
        tuple(
            DataMember(name, ClrType(field.clr_name)) for name, field in contract.members().items()
        ),
    )
