"""Services that differ in one thing each, and what that thing is called."""

import gzip
import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from app.parity.difference import Kind
from app.parity.recording import Answer
from tests.parity.services import Change, header_change, text_change

_TYPE: Final = "Content-Type"
_JSON_NUMBER: Final = r'("(?:start_percent|price)":)(-?\d+\.\d+)'


def _json(change: Callable[[str], str]) -> Change:
    return text_change("json", change)


def _xml(change: Callable[[str], str]) -> Change:
    return text_change("xml", change)


def _sub(pattern: str, by: str | Callable[[re.Match[str]], str]) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, by, text)


def _object(change: Callable[[dict[str, Any]], object]) -> Change:
    """Change a JSON object's members; numbers keep their text."""

    def changed(text: str) -> str:
        # Only the tokens may differ that the mutant is about: the members are moved as text.
        pairs = dict(re.findall(r'("\w+"):((?:"(?:[^"\\]|\\.)*"|[^,{}"])+)', text))
        if not text.startswith("{") or len(pairs) < 2:
            return text
        change(pairs)
        return "{" + ",".join(f"{name}:{value}" for name, value in pairs.items()) + "}"

    return _json(changed)


def _last_first(pairs: dict[str, Any]) -> None:
    items = list(pairs.items())
    pairs.clear()
    pairs.update([items[-1], *items[:-1]])


def _utf16_as(mark: bytes, encoding: str) -> Change:
    def changed(answer: Answer) -> Answer:
        if not answer.body.startswith(b"\xff\xfe"):
            return answer
        text = answer.body[2:].decode("utf-16-le")
        return replace(answer, body=mark + text.encode(encoding))

    return changed


def _unescaped(found: re.Match[str]) -> str:
    character: str = json.loads(f'"{found[0]}"')
    return character


def _cut(answer: Answer) -> Answer:
    return replace(answer, body=answer.body[:-1])


def _always_utf8(answer: Answer) -> Answer:
    if not answer.body.startswith(b"\xff\xfe"):
        return answer
    headers = tuple((n, v.replace("utf-16", "utf-8")) for n, v in answer.headers)
    return replace(answer, headers=headers, body=answer.body[2:].decode("utf-16-le").encode())


def _no_content(answer: Answer) -> Answer:
    is_null = answer.body == b"null"
    return replace(answer, status=204, body=b"") if is_null else answer


def _first_element_last(text: str) -> str:
    return re.sub(r"^(<\w+ [^>]*>)(<active.*?(?:</active>|/>))(.*)(</\w+>)$", r"\1\3\2\4", text)


def _rounded(found: re.Match[str]) -> str:
    seconds = Decimal(f"{found[1]}.{found[2]}").quantize(Decimal("0.001"), ROUND_HALF_UP)
    # A carry to the next minute is left to the tests of dates.
    return found[0] if seconds >= 60 else f"{seconds:06}"


def _in_utc(found: re.Match[str]) -> str:
    clock, fraction = found[0][:19], found[0][19:-6]
    moment = datetime.fromisoformat(clock).replace(tzinfo=UTC) - timedelta(hours=3)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _bytes_of(charset: str) -> Change:
    """Write what is said to be UTF-8 in another charset."""

    def changed(answer: Answer) -> Answer:
        if answer.body.startswith(b"\xff\xfe"):
            return answer
        return replace(answer, body=answer.body.decode().encode(charset, "replace"))

    return changed


MUTANTS: Final[dict[str, tuple[Change, set[Kind]]]] = {
    "no content for null": (_no_content, {Kind.STATUS}),
    "500 for 400": (
        lambda answer: replace(answer, status=500) if answer.status == 400 else answer,
        {Kind.STATUS},
    ),
    "another media type": (
        header_change("Content-Type", lambda text: text.replace("application/json", "text/json")),
        {Kind.MEDIA_TYPE},
    ),
    "problem+json": (
        header_change(
            "Content-Type",
            lambda text: text.replace("application/json", "application/problem+json"),
        ),
        {Kind.MEDIA_TYPE},
    ),
    "no charset": (
        header_change("Content-Type", lambda text: text.replace("; charset=utf-8", "")),
        {Kind.CHARSET},
    ),
    "utf-16 never": (_always_utf8, {Kind.CHARSET}),
    "charset in capitals": (
        header_change("Content-Type", lambda text: text.replace("utf-8", "UTF-8")),
        {Kind.HEADER},
    ),
    "no Allow": (header_change("Allow", lambda _: None), {Kind.HEADER}),
    "Allow with HEAD": (header_change("Allow", lambda text: f"{text}, HEAD"), {Kind.HEADER}),
    "utf-8 mark": (
        lambda answer: (
            answer
            if answer.body.startswith(b"\xff\xfe")
            else replace(answer, body=b"\xef\xbb\xbf" + answer.body)
        ),
        {Kind.BYTE_ORDER_MARK},
    ),
    "no utf-16 mark": (_utf16_as(b"", "utf-16-le"), {Kind.BYTE_ORDER_MARK}),
    "big-endian": (_utf16_as(b"\xfe\xff", "utf-16-be"), {Kind.BYTE_ORDER_MARK}),
    "a line break at the end": (
        _json(lambda text: f"{text}\n"),
        {Kind.LINE_BREAK},
    ),
    "LF for CR LF in values": (_json(lambda text: text.replace(r"\r\n", r"\n")), {Kind.LINE_BREAK}),
    "blanks behind colons": (_object(lambda pairs: _blanks(pairs)), {Kind.WHITE_SPACE}),
    "indented XML": (_xml(lambda text: text.replace("><", ">\n  <")), {Kind.WHITE_SPACE}),
    "an XML declaration": (
        _xml(lambda text: f'<?xml version="1.0" encoding="utf-8"?>{text}'),
        {Kind.XML_DECLARATION},
    ),
    "last member first": (_object(_last_first), {Kind.MEMBER_ORDER}),
    "first element last": (_xml(_first_element_last), {Kind.ELEMENT_ORDER}),
    "no price": (_object(lambda pairs: pairs.pop('"price"', None)), {Kind.MISSING_MEMBER}),
    "no pricing in XML": (
        _xml(_sub(r"<pricing(>.*?</pricing>| [^>]*/>)", "")),
        {Kind.MISSING_MEMBER},
    ),
    "one member more": (
        _object(lambda pairs: pairs.update({'"version"': "1"})),
        {Kind.EXTRA_MEMBER},
    ),
    "camel case": (
        _json(lambda text: text.replace('"Message":', '"message":')),
        {Kind.MEMBER_NAME},
    ),
    "another namespace": (
        _xml(lambda text: text.replace("ChargeCloudAPI.Models", "ChargeCloud.Models")),
        {Kind.NAMESPACE},
    ),
    "xsi for i": (
        _xml(lambda text: text.replace("xmlns:i=", "xmlns:xsi=").replace(" i:nil", " xsi:nil")),
        {Kind.PREFIX},
    ),
    "xmlns first": (
        _xml(_sub(r'(<\w+) (xmlns:i="[^"]*") (xmlns="[^"]*")', r"\1 \3 \2")),
        {Kind.ATTRIBUTE_ORDER},
    ),
    "an attribute more": (
        _xml(_sub(r"^<(\w+)", r'<\1 version="1"')),
        {Kind.ATTRIBUTE},
    ),
    "single quotes": (_xml(_sub(r'="([^"<>]*)"', r"='\1'")), {Kind.QUOTES}),
    "no blank in empty elements": (
        _xml(lambda text: text.replace(" />", "/>")),
        {Kind.EMPTY_ELEMENT},
    ),
    "empty for nil": (
        _xml(_sub(r'<(\w+) i:nil="true" />', r"<\1></\1>")),
        {Kind.NIL},
    ),
    "empty text for null": (_object(lambda pairs: _emptied(pairs)), {Kind.NIL}),
    "numbers as text": (_json(_sub(_JSON_NUMBER, r'\1"\2"')), {Kind.VALUE_TYPE}),
    "11 for 11.0": (_json(_sub(r"(:-?\d+)\.0(?=[,}])", r"\1")), {Kind.NUMBER_SCALE}),
    "two digits": (_json(_sub(_JSON_NUMBER, r"\g<1>\g<2>00")), {Kind.NUMBER_SCALE}),
    "11.0 in XML": (
        _xml(_sub(r"(<(?:price|start_percent)>-?\d+)(?=<)", r"\1.0")),
        {Kind.NUMBER_SCALE},
    ),
    "whole numbers": (
        _json(_sub(_JSON_NUMBER, lambda found: f"{found[1]}{found[2].partition('.')[0]}")),
        {Kind.NUMBER_ROUNDING, Kind.NUMBER_SCALE},
    ),
    "doubles in XML": (
        _xml(_sub(r"(?<=<used_kwh>)[^<]*", lambda found: repr(float(found[0])))),
        {Kind.NUMBER_ROUNDING, Kind.NUMBER_SCALE, Kind.NUMBER_EXPONENT},
    ),
    "plus signs": (_xml(_sub(r"<(price|used_kwh)>(?=\d)", r"<\1>+")), {Kind.NUMBER_SIGN}),
    "leading zeros": (
        _xml(_sub(r"<(price|used_kwh)>(?=\d)", r"<\1>0")),
        {Kind.NUMBER_TEXT},
    ),
    "exponents": (
        _json(_sub(_JSON_NUMBER, r"\1\2e0")),
        {Kind.NUMBER_EXPONENT},
    ),
    "no minus": (_json(_sub(r'("(?:start_percent|price)":)-', r"\1")), {Kind.NUMBER_SIGN}),
    "another price": (
        _json(_sub(_JSON_NUMBER, lambda found: f"{found[1]}7{found[2].lstrip('-')}")),
        {Kind.OTHER_VALUE},
    ),
    "milliseconds": (
        _json(_sub(r"(T\d\d:\d\d:\d\d)\.(\d{3})\d*", r"\1.\g<2>")),
        {Kind.DATE_FRACTION_CUT},
    ),
    "rounded milliseconds": (
        _json(_sub(r"(?<=T\d\d:\d\d:)(\d\d)\.(\d{4,})", _rounded)),
        {Kind.DATE_FRACTION_ROUNDED},
    ),
    "blanks in dates": (_json(_sub(r"(-\d\d)T(\d\d:)", r"\1 \2")), {Kind.DATE_TEXT}),
    "no zone": (
        _json(_sub(r'(T[\d:.]+)(?:Z|[+-]\d\d:\d\d)"', r'\1"')),
        {Kind.DATE_ZONE_LEFT_OUT},
    ),
    "a zone for all": (
        _json(_sub(r'(\d\dT[\d:.]+)"', r'\1Z"')),
        {Kind.DATE_ZONE_ADDED},
    ),
    "Z for +03:00": (
        _json(_sub(r'(T[\d:.]+)\+03:00"', r'\1Z"')),
        {Kind.DATE_ZONE_CHANGED},
    ),
    "dates in UTC": (
        _json(_sub(r'[\d-]{10}T[\d:.]+\+03:00(?=")', _in_utc)),
        {Kind.DATE_IN_ANOTHER_ZONE},
    ),
    "bytes of windows-1254": (_bytes_of("cp1254"), {Kind.OTHER_CHARSET}),
    "bytes of UTF-16": (_bytes_of("utf-16-le"), {Kind.OTHER_CHARSET}),
    "UTF-8 twice": (
        _json(_sub(r"[^\x00-\x7f]+", lambda found: found[0].encode().decode("latin-1"))),
        {Kind.OTHER_CHARSET},
    ),
    "question marks": (_json(_sub(r"[^\x00-\x7f]", "?")), {Kind.OTHER_CHARSET}),
    "decomposed text": (
        _json(lambda text: unicodedata.normalize("NFD", text)),
        {Kind.NORMALIZATION},
    ),
    "nulls left out": (
        _object(lambda pairs: [pairs.pop(n) for n in list(pairs) if pairs[n] == "null"]),
        {Kind.NULL_LEFT_OUT},
    ),
    "nil elements left out": (_xml(_sub(r'<\w+ i:nil="true" />', "")), {Kind.NULL_LEFT_OUT}),
    "names in Pascal case": (
        _json(_sub(r'"(\w+)":', lambda found: f'"{found[1].title().replace("_", "")}":')),
        {Kind.MEMBER_NAME},
    ),
    "gzip unasked": (
        lambda answer: replace(
            answer,
            headers=(*answer.headers, ("Content-Encoding", "gzip")),
            body=gzip.compress(answer.body),
        ),
        {Kind.CONTENT_ENCODING},
    ),
    "gzip unsaid": (
        lambda answer: replace(answer, body=gzip.compress(answer.body)),
        {Kind.CONTENT_ENCODING},
    ),
    "Content-Type twice": (
        lambda answer: replace(
            answer,
            headers=tuple(pair for pair in answer.headers for _ in range(1 + (pair[0] == _TYPE))),
        ),
        {Kind.HEADER},
    ),
    "ASCII only": (
        _json(_sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1])),
        {Kind.ESCAPE},
    ),
    "slashes escaped": (_json(lambda text: text.replace("/", r"\/")), {Kind.ESCAPE}),
    "U+2028 as it is": (_json(_sub(r"\\u202[89]", _unescaped)), {Kind.ESCAPE}),
    "decimal references": (_xml(lambda text: text.replace("&#x1;", "&#1;")), {Kind.ESCAPE}),
    "quotes escaped": (_xml(_sub(r'"(?=[^<>]*<)', "&quot;")), {Kind.ESCAPE}),
    "True for true": (
        _xml(lambda text: text.replace(">true<", ">True<")),
        {Kind.LETTER_CASE},
    ),
    "one for true": (_xml(lambda text: text.replace(">true<", ">1<")), {Kind.OTHER_VALUE}),
    "the last byte lost": (_cut, {Kind.MALFORMED}),
}
"""Name -> how the service's answers change, and the kinds that this must be called."""


def _blanks(pairs: dict[str, Any]) -> None:
    for name, value in pairs.items():
        pairs[name] = f" {value}"


def _emptied(pairs: dict[str, Any]) -> None:
    for name in ('"station_name"', '"company_name"'):
        if pairs.get(name) == "null":
            pairs[name] = '""'
