"""DataContractSerializer's bytes: XmlMediaTypeFormatter with Web API's default settings."""

import re

from app.webapi.clr_types import WRITTEN
from app.webapi.data_contract import DataContract, DataMember
from app.webapi.formatter import MediaTypeFormatter, WriteText, compile_template, expression

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
# XmlWriter with NewLineHandling.Replace; characters that XML 1.0 forbids are still written, as
# references (CheckCharacters is off).
_SPECIAL = re.compile("\r\n|[&<>\n\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": "\r\n", "\r": "\r\n", "\r\n": "\r\n"}


def escape(text: str) -> str:
    """Return a string as element text: XmlWriter.WriteString, with CheckCharacters off."""
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
        start, end = f"<{contract.name}{_namespaces(contract)}>", f"</{contract.name}>"
        return compile_template(
            start + "%s" * len(ordered) + end,
            [_element(index, member) for index, member in ordered],
            {"boolean": ("false", "true"), "escape": escape},
        )


def _namespaces(contract: DataContract) -> str:
    return f' xmlns:i="{_XSI}" xmlns="{contract.namespace}"' if contract.namespace else ""


def _element(index: int, member: DataMember) -> str:
    """Return the expression for a member's element: its text between its tags, or nil."""
    start, end = f"<{member.name}>", f"</{member.name}>"
    text = f"{start!r} + ({WRITTEN[member.type].xml}) + {end!r}"
    return expression(index, text, f'<{member.name} i:nil="true" />')
