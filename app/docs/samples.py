"""Samples as ASP.NET's HelpPageSampleGenerator makes them, written by the real formatters."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.host.data_contracts import data_contract
from app.webapi.clr_types import WRITTEN
from app.webapi.data_contract import DataContract, DataMember, WireValue
from app.webapi.formatter import MediaTypeFormatter
from app.webapi.negotiation import FORMATTERS, JSON
from schemas.contract import Contract

SAMPLE_MOMENT = "2025-12-06T07:19:38.3037942+03:00"
"""The moment of the legacy help page."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample: its format (json or xml), media types, the wire's text, and the same indented."""

    format: str
    media_types: str
    wire: str
    indented: str


def samples(contract: type[Contract]) -> list[Sample]:
    """Return a contract's sample in each format."""
    made = data_contract(contract)
    row = sample_row(made, now())
    texts = [(formatter, formatter.write(made, row).decode()) for formatter in FORMATTERS]
    return [
        Sample(format_of(f), ", ".join(f.media_types), text, _indented(f, text))
        for f, text in texts
    ]


def format_of(formatter: MediaTypeFormatter) -> str:
    """Return ``json`` or ``xml``."""
    return formatter.media_types[0].rpartition("/")[2]


def sample_row(contract: DataContract, moment: str) -> list[WireValue]:
    """Return a sample's values: the n-th member gets the n-th of its type."""
    return [
        WRITTEN[member.type].sample(number, moment)
        for number, member in enumerate(contract.members, start=1)
    ]


def written_sample(member: DataMember, number: int) -> Mapping[str, str]:
    """Return how each format writes a member's sample: format -> text, without the name."""
    alone = DataContract("", None, (DataMember("", member.type),))
    row = [WRITTEN[member.type].sample(number, SAMPLE_MOMENT)]
    json_text, xml_text = (formatter.write(alone, row).decode() for formatter in FORMATTERS)
    return {
        "JSON": json_text.removeprefix('{"":').removesuffix("}"),
        "XML": xml_text.removeprefix("<><>").removesuffix("</></>"),
    }


def now() -> str:
    """Return the present local time to 100 ns, as .NET writes a moment with all seven digits.

    It would drop a zero at the end, so that moment is taken for the one 100 ns later.
    """
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    local = datetime.fromtimestamp(seconds).astimezone()
    ticks = nanoseconds // 100
    ticks += ticks % 10 == 0
    return f"{local:%Y-%m-%dT%H:%M:%S}.{ticks:07}{local.isoformat()[19:]}"


def _indented(formatter: MediaTypeFormatter, text: str) -> str:
    if formatter is JSON:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    # A contract's members are flat. lxml would cost every worker 4 MB for this.
    root, *members, end = text.replace("><", ">\n<").split("\n")
    return "\n  ".join([root, *members]) + "\n" + end
