"""Json.NET's bytes: JsonMediaTypeFormatter with Web API's default settings."""

from json.encoder import encode_basestring as _quote

from app.webapi.clr_types import WRITTEN
from app.webapi.data_contract import DataContract, Row
from app.webapi.formatter import MediaTypeFormatter, WriteText, compile_template

_NAMES = {"null": "null", "boolean": {None: "null", 0: "false", 1: "true"}, "quote": _quote}


class JsonFormatter(MediaTypeFormatter):
    """Writes members in declared order, without blanks, non-ASCII characters as they are."""

    media_types = ("application/json", "text/json")

    def write_null(self, contract: DataContract) -> str:
        """Return the text of a null value."""
        return "null"

    def compile(self, contract: DataContract) -> WriteText:
        """Make the function that writes a row of this contract."""
        template = ",".join(f"{_quote(member.name)}:%s" for member in contract.members)
        fill = compile_template(
            "{" + template + "}",
            [
                WRITTEN[member.type].json.format(f"v{index}")
                for index, member in enumerate(contract.members)
            ],
            _NAMES,
        )

        def write(row: Row) -> str:
            text = fill(row)
            # Json.NET also escapes JavaScript's line ends; Python's encoder does not.
            if "\u2028" in text or "\u2029" in text or "\x85" in text:
                text = (
                    text.replace("\x85", "\\u0085")
                    .replace("\u2028", "\\u2028")
                    .replace("\u2029", "\\u2029")
                )
            return text

        return write
