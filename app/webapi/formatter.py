"""A formatter is media types and one ``write`` to bytes."""

import codecs
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, cast

from app.webapi.data_contract import DataContract, Row

WriteText = Callable[[Row], str]

# SupportedEncodings of both formatters, the default first: UTF-8 without, UTF-16 with a mark.
ENCODINGS: Mapping[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "utf-16": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
}


class MediaTypeFormatter(ABC):
    """Writes values of any contract in one format; compiled once for each contract."""

    media_types: ClassVar[tuple[str, ...]]
    """What it can write, the default first."""

    @abstractmethod
    def compile(self, contract: DataContract) -> WriteText:
        """Make the function that writes a row of this contract."""

    @abstractmethod
    def write_null(self, contract: DataContract) -> str:
        """Return the text of a null value."""

    @cache  # noqa: B019  the two formatters and the few contracts live as long as the process
    def writer(self, contract: DataContract) -> WriteText:
        """Return the function that writes a row of this contract, compiled once."""
        return self.compile(contract)

    def write(self, contract: DataContract, row: Row | None, charset: str = "utf-8") -> bytes:
        """Return the bytes of a value, or of null for ``None``.

        Args:
            contract: the value's type.
            row: its members' values in declared order, or ``None``.
            charset: ``utf-8``, or ``utf-16``, which is little-endian, with a mark.
        """
        text = self.write_null(contract) if row is None else self.writer(contract)(row)
        return ENCODINGS[charset](text)


def expression(member: int, text: str, null: str) -> str:
    """Return the Python expression for one member's text.

    Args:
        member: the member's place in the row.
        text: the expression for a value that is not null, ``{}`` standing for the value.
        null: the text of null.
    """
    value = f"v{member}"
    return f"({null!r} if {value} is None else {text.format(value)})"


def compile_template(
    template: str, expressions: Sequence[str], names: Mapping[str, object]
) -> WriteText:
    """Make a function that fills a ``%`` template with the members of a row.

    Code is generated, because one expression for all members costs a third of a loop that calls a
    function for each.

    Args:
        template: has a ``%s`` for each expression, in their order.
        expressions: one for each member, as expression() makes them.
        names: what the expressions use besides the values.
    """
    values = ", ".join(f"v{member}" for member in range(len(expressions)))
    source = f"def fill(row):\n ({values},) = row\n return template % ({', '.join(expressions)},)"
    scope: dict[str, Any] = {"template": template, **names}
    exec(source, scope)
    return cast(WriteText, scope["fill"])
