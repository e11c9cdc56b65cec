"""Json.NET's bytes: JsonMediaTypeFormatter with Web API's default settings."""

from json.encoder import encode_basestring as _quote

from app.webapi.clr_types import WRITTEN
from app.webapi.data_contract import DataContract, Row
from app.webapi.formatter import MediaTypeFormatter, WriteText, compile_template, expression

_LINE_ENDS = (("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))
_NAMES = {"boolean": ("false", "true"), "quote": _quote}


class JsonFormatter(MediaTypeFormatter):
    """Writes members in declared order, without blanks, non-ASCII characters as they are."""

    media_types = ("application/json", "text/json")

    def write_null(self, contract: DataContract) -> str:
        """Return the text of a null value."""
        return "null"

    def compile(self, contract: DataContract) -> WriteText:
        """Make the function that writes a row of this contract."""
        template = ",".join(f"{_quote(member.name)}:%s" for member in contract.members)
        expressions = [
            expression(index, WRITTEN[member.type].json, "null")
            for index, member in enumerate(contract.members)
        ]
        fill = compile_template("{" + template + "}", expressions, _NAMES)

        def write(row: Row) -> str:
            text = fill(row)
            # Json.NET also escapes JavaScript's line ends; Python's encoder does not.
            if "\u2028" in text or "\u2029" in text or "\x85" in text:
                for character, escaped in _LINE_ENDS:
                    text = text.replace(character, escaped)
            return text

        return write
