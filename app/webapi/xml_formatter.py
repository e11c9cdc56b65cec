"""DataContractSerializer's bytes: XmlMediaTypeFormatter with Web API's default settings."""

import re

from app.webapi.clr_types import WRITTEN
from app.webapi.data_contract import DataContract, DataMember
from app.webapi.formatter import MediaTypeFormatter, WriteText, compile_template

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
# XmlWriter with NewLineHandling.Replace; characters that XML 1.0 forbids are still written, as
# references (CheckCharacters is off).
_SPECIAL = re.compile("\r\n|[&<>\n\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": "\r\n", "\r": "\r\n", "\r\n": "\r\n"}


def escape(text: str) -> str:
    """Write a string's characters as element text."""
    # Most texts are printable without markup: these tests cost a quarter of the search.
    if text.isprintable() and not ("&" in text or "<" in text or ">" in text):
        return text
    return _SPECIAL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return _NAMED.get(found[0]) or f"&#x{ord(found[0]):X};"


class XmlFormatter(MediaTypeFormatter):
    """Writes elements in ordinal order of their names, without a declaration or blanks."""

    media_types = ("application/xml", "text/xml")

    def write_null(self, contract: DataContract) -> str:
        """Return the text of a null value."""
        return f'<{contract.name} i:nil="true"{_namespaces(contract)} />'

    def compile(self, contract: DataContract) -> WriteText:
        """Make the function that writes a row of this contract."""
        ordered = sorted(enumerate(contract.members), key=lambda item: item[1].name)
        expressions = [_element(member, f"v{index}") for index, member in ordered]
        template = "%s" * len(ordered)
        return compile_template(
            f"<{contract.name}{_namespaces(contract)}>{template}</{contract.name}>",
            expressions,
            {"boolean": ("false", "true"), "escape": escape},
        )


def _namespaces(contract: DataContract) -> str:
    return f' xmlns:i="{_XSI}" xmlns="{contract.namespace}"' if contract.namespace else ""


def _element(member: DataMember, value: str) -> str:
    name, text = member.name, WRITTEN[member.type].xml.format(value)
    nil = f'<{name} i:nil="true" />'
    return f"{nil!r} if {value} is None else '<{name}>' + {text} + '</{name}>'"
