"""System.Uri's display form and path."""

import re
from string import ascii_letters, digits
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webapi.uri import RequestUri, canonical_path, unescape


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/", "/"),
        ("*", "/*"),
        ("/a%20b", "/a b"),
        ("/%C5%9Earj", "/Şarj"),
        ("/%F0%9F%94%8C", "/🔌"),
        ("/%25%23%3F%2F%5C%40%3A%3B%3D%26%2B%2C%24", "/%25%23%3F%2F%5C%40%3A%3B%3D%26%2B%2C%24"),
        ("/%2f%5c", "/%2f%5c"),
        ("/%3Cb%3E%22%7B%7D%5E%60%7C", '/<b>"{}^`|'),
        ("/%21%27%28%29%2a%5b%5D%2F", "/%21%27%28%29%2a%5b%5D%2F"),
        ("/%00%0A%7F%C2%85", "/%00%0A%7F%C2%85"),
        ("/%zz%", "/%25zz%25"),
        ("/%2%61", "/%252a"),
        ("/%%41", "/%25A"),
        ("/%4%31", "/%2541"),
        ("/%d%4%31", "/%25dA"),
        ("/%9e%fe?%8f", "/%9e%FE?%8f"),
        ("/%fe%9e%9E", "/%FE%9E%9E"),
        ("/%9e%c3%bc%9e", "/%9eü%9E"),
        ("/?%C2%85%c2%a0", "/?%C2%85\xa0"),
        ("/%E2%80%AA1%E2%80%AC", "/\u202a1\u202c"),
        ("/%ff%C3", "/%FF%C3"),
        ("/%EE%80%80?%EE%80%80", "/%EE%80%80?\ue000"),
        ("/%EF%BF%BE", "/%EF%BF%BE"),
        ("/a/../b/./c", "/b/c"),
        ("/a/%2e%2E/b", "/b"),
        ("/../..", "/"),
        ("/a/.", "/a/"),
        ("/a\\b", "/a/b"),
        ("//a", "//a"),
        ("/a?b=%41%20%26#c", "/a?b=A %26"),
        ("/a?", "/a?"),
    ],
)
def test_display(target: str, shown: str) -> None:
    """Escapes are decoded but for reserved characters, controls and what is no UTF-8."""
    assert str(RequestUri("http", "h", target)) == f"http://h{shown}"


@pytest.mark.parametrize(
    ("scheme", "host", "target", "shown"),
    [
        ("http", "LEGACY.Example", "/", "http://legacy.example/"),
        ("http", "h:80", "/", "http://h/"),
        ("http", "h:8080", "/", "http://h:8080/"),
        ("https", "h:443", "/", "https://h/"),
        ("https", "h:80", "/", "https://h:80/"),
        ("http", "[::1]:81", "/", "http://[::1]:81/"),
        ("http", "[::1]", "/", "http://[::1]/"),
        ("http", "h:", "/", "http://h/"),
        ("http", "h", "HTTPS://Other:443/a", "https://other/a"),
        ("http", "h", "http://other", "http://other/"),
        ("http", "h", "http://other?q", "http://other/?q"),
    ],
)
def test_host(scheme: str, host: str, target: str, shown: str) -> None:
    """The host is in lower case, the default port dropped, and an absolute target's own."""
    assert str(RequestUri(scheme, host, target)) == shown


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a%2Fb%00", "a/b\0"),
        ("%C3%9C%FF%c3", "Ü%FF%C3"),
        ("%", "%"),
        ("%zz%41", "%zzA"),
        ("%25%32%30", "%20"),
    ],
)
def test_unescape(text: str, plain: str) -> None:
    """All valid escapes are decoded, once."""
    assert unescape(text) == plain


def _iri(character: str, in_query: bool) -> bool:
    """Whether IriHelper leaves a character unescaped, by the ranges of RFC 3987."""
    code = ord(character)
    if code > 0xFFFF:
        private = code >= 0xF0000
        tags = 0xE0000 <= code < 0xE1000
        return code & 0xFFFF < 0xFFFE and not tags and (in_query or not private)
    if 0xE000 <= code < 0xF900:
        return in_query
    return 0xA0 <= code < 0xFFF0 and not (0xD800 <= code < 0xE000 or 0xFDD0 <= code < 0xFDF0)


def _pass(text: str, in_query: bool, showing: bool) -> str:
    """One of the two passes over a part of a URI, escape by escape."""
    made, at = "", 0
    while at < len(text):
        escape = text[at : at + 3]
        if escape[0] != "%":
            made, at = made + escape[0], at + 1
        elif not re.fullmatch("%[0-9a-fA-F]{2}", escape):
            step = 3 if len(escape) == 3 and not showing else 1
            made, at = made + ("%25" if showing else escape[:step]), at + step
        elif int(escape[1:], 16) < 0xA0:
            character = chr(int(escape[1:], 16))
            plain = character in ' <>"-.^_`{|}~' + ascii_letters + digits
            made, at = made + (character if plain else escape), at + 3
        else:
            run = ""
            while re.match("%[89a-fA-F][0-9a-fA-F]", text[at : at + 3]):
                run, at = run + text[at : at + 3], at + 3
            for character in unquote(run, errors="surrogateescape"):
                octets = quote(character, safe="", errors="surrogateescape")
                made += character if _iri(character, in_query) else octets
    return made


_PIECES = [
    *["a", "1", "/", "%", "%2", "%d", "%zz", "%%41", "%4%31", "%2%61", "%41", "%7e", "%3a", "%5B"],
    *["%22", "%00", "%7F", "%80", "%9e", "%9F", "%a0", "%fe", "%c3%bc", "%C2%85", "%e2%82%ac"],
    *["%E2%82", "%ee%80%80", "%ef%b7%90", "%ef%bf%bd", "%f0%9f%94%8c", "%f3%a0%80%81"],
    *[
        "%f3%b0%80%80",
        "%f4%90%80%80",
        "%ed%a0%80",
        "%e2%80%aa",
        "%25",
        "%23",
        "%3F",
        "%2b",
        '"',
        "(",
        "'",
    ],
]


@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join), st.booleans())
def test_display_agrees_with_a_plain_reference(text: str, in_query: bool) -> None:
    """Both decode the same escapes."""
    shown = _pass(_pass(text, in_query, False), in_query, True)
    before = "/x?" if in_query else "/x"

    assert str(RequestUri("http", "h", before + text)) == f"http://h{before}{shown}"


@given(st.text())
def test_any_target_is_shown(target: str) -> None:
    """Nothing raises, and the path always begins with a slash."""
    uri = RequestUri("http", "h", target)
    path, _ = uri.split()

    assert str(uri).partition("://")[2]
    assert canonical_path(path).startswith("/")
    unescape(path)
