"""A contract as XML Schema, as .NET's XsdDataContractExporter writes it."""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from app.host.data_contracts import data_contract
from app.webapi.data_contract import ClrType
from schemas.clr import ClrField
from schemas.contract import Contract

_TYPES: Mapping[str, str] = {
    ClrType.INT32.value: "xs:int",
    ClrType.BOOLEAN.value: "xs:boolean",
    ClrType.STRING.value: "xs:string",
    ClrType.DECIMAL.value: "xs:decimal",
    ClrType.DATE_TIME.value: "xs:dateTime",
}
_NILLABLE = {True: ' nillable="true"', False: ""}


def _element(name: str, field: ClrField[Any]) -> str:
    opening = (
        f'      <xs:element minOccurs="0" name="{name}"{_NILLABLE[field.allow_none]}'
        f' type="{_TYPES[field.clr_name]}"'
    )
    description = field.metadata.get("description")
    if not description:
        return f"{opening} />"
    return (
        f"{opening}>\n        <xs:annotation>\n"
        f"          <xs:documentation>{escape(description)}</xs:documentation>\n"
        "        </xs:annotation>\n      </xs:element>"
    )


def xsd(contract: type[Contract]) -> str:
    """Return a contract's schema: members in ordinal order of their names, all optional."""
    name, namespace = contract.name(), data_contract(contract).namespace
    members = "\n".join(_element(*member) for member in sorted(contract.members().items()))
    return f"""\
<xs:schema xmlns:tns="{namespace}" elementFormDefault="qualified" \
targetNamespace="{namespace}" xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:complexType name="{name}">
    <xs:sequence>
{members}
    </xs:sequence>
  </xs:complexType>
  <xs:element name="{name}" nillable="true" type="tns:{name}" />
</xs:schema>
"""
