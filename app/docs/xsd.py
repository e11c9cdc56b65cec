"""A contract as XML Schema, as .NET's XsdDataContractExporter writes it."""

from typing import Any
from xml.sax.saxutils import escape

from app.host.data_contracts import data_contract
from app.webapi.clr_types import WRITTEN
from app.webapi.data_contract import DataMember
from schemas.clr import ClrField
from schemas.contract import Contract

_NILLABLE = {True: ' nillable="true"', False: ""}


def _element(member: DataMember, field: ClrField[Any]) -> str:
    opening = (
        f'      <xs:element minOccurs="0" name="{member.name}"{_NILLABLE[field.allow_none]}'
        f' type="{WRITTEN[member.type].xsd}"'
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
    made = data_contract(contract)
    name, namespace, fields = made.name, made.namespace, contract.members()
    ordered = sorted(made.members, key=lambda member: member.name)
    members = "\n".join(_element(member, fields[member.name]) for member in ordered)
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
