"""Samples as ASP.NET's HelpPageSampleGenerator makes them, written by the real formatters."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.data_contracts import data_contract
from app.webapi.data_contract import ClrType, WireValue
from app.webapi.formatter import MediaTypeFormatter
from app.webapi.negotiation import FORMATTERS, JSON
from schemas.contract import Contract

_SAMPLES: Mapping[ClrType, Callable[[int, str], WireValue]] = {
    ClrType.INT32: lambda number, _: number,
    ClrType.BOOLEAN: lambda *_: 1,
    ClrType.STRING: lambda number, _: f"sample string {number}",
    ClrType.DECIMAL: lambda number, _: str(number),
    ClrType.DATE_TIME: lambda _, moment: moment,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample in one format: its media types, the wire's text, and the same indented."""

    media_types: str
    wire: str
    indented: str


def samples(contract: type[Contract]) -> list[Sample]:
    """Return a contract's sample in each format; the n-th member gets the n-th value."""
    made, moment = data_contract(contract), now()
    row = [
        _SAMPLES[member.type](number, moment) for number, member in enumerate(made.members, start=1)
    ]
    texts = [(formatter, formatter.write(made, row).decode()) for formatter in FORMATTERS]
    return [Sample(", ".join(f.media_types), text, _indented(f, text)) for f, text in texts]


def now() -> str:
    """Return the present local time to 100 ns as .NET writes it: no zeros end the fraction."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    local = datetime.fromtimestamp(seconds).astimezone()
    fraction = f".{nanoseconds // 100:07}".rstrip("0").rstrip(".")
    return f"{local:%Y-%m-%dT%H:%M:%S}{fraction}{local.isoformat()[19:]}"


def _indented(formatter: MediaTypeFormatter, text: str) -> str:
    if formatter is JSON:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    # A contract's members are flat. lxml would cost every worker 4 MB for this.
    root, *members, end = text.replace("><", ">\n<").split("\n")
    return "\n  ".join([root, *members]) + "\n" + end
