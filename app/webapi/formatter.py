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
        """Return the compiled function that writes a row of this contract."""
        return self.compile(contract)

    def write(self, contract: DataContract, row: Row | None, charset: str = "utf-8") -> bytes:
        """Write a value, or null for ``None``, in ``utf-8`` or ``utf-16``."""
        text = self.write_null(contract) if row is None else self.writer(contract)(row)
        return ENCODINGS[charset](text)


def compile_template(
    template: str, expressions: Sequence[str], names: Mapping[str, Any]
) -> WriteText:
    """Make a function that fills a ``%`` template from a row of values v0, v1, ...

    There is an expression for each value, in the template's order. The code is generated because
    one expression for all members costs a third of a loop that calls a function for each.
    """
    values = ", ".join(f"v{index}" for index in range(len(expressions)))
    filled = ", ".join(expressions)
    source = f"def fill(row):\n ({values},) = row\n return template % ({filled},)"
    scope: dict[str, Any] = {"template": template, **names}
    exec(source, scope)
    return cast(WriteText, scope["fill"])
