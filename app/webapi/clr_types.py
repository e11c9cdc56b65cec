"""How Web API writes each CLR type, on the wire and in its descriptions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.webapi.data_contract import ClrType, WireValue


@dataclass(frozen=True, kw_only=True)
class WrittenType:
    """How a CLR type is written.

    Attributes:
        json: a Python expression for its JSON text, ``{0}`` standing for a value that is not null.
        xml: the same for the text of its XML element.
        xsd: its type in XML Schema (XsdDataContractExporter).
        help: its name on the help page (ModelDescriptionGenerator).
        sample: a sample's value, given its number and a moment (ObjectGenerator).
    """

    json: str
    xml: str
    xsd: str
    help: str
    sample: Callable[[int, str], WireValue]


WRITTEN: Final[Mapping[ClrType, WrittenType]] = {
    ClrType.INT32: WrittenType(
        json="{0}",
        xml="str({0})",
        xsd="xs:int",
        help="integer",
        sample=lambda number, _: number,
    ),
    ClrType.BOOLEAN: WrittenType(
        json="boolean[{0}]",
        xml="boolean[{0}]",
        xsd="xs:boolean",
        help="boolean",
        sample=lambda *_: 1,
    ),
    ClrType.STRING: WrittenType(
        json="quote({0})",
        xml="escape({0})",
        xsd="xs:string",
        help="string",
        sample=lambda number, _: f"sample string {number}",
    ),
    ClrType.DECIMAL: WrittenType(
        # JsonTextWriter adds ".0" to a whole decimal.
        json="{0} if '.' in {0} else {0} + '.0'",
        xml="{0}",
        xsd="xs:decimal",
        help="decimal number",
        sample=lambda number, _: str(number),
    ),
    ClrType.DATE_TIME: WrittenType(
        json="'\"' + {0} + '\"'",
        xml="{0}",
        xsd="xs:dateTime",
        help="date",
        sample=lambda _, moment: moment,
    ),
}
