"""System.Uri's display form and path."""

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
        ("/%3Cb%3E%22%27%7B%7D%5E%60%7C", "/<b>\"'{}^`|"),
        ("/%00%0A%7F%C2%85", "/%00%0A%7F%C2%85"),
        ("/%zz%", "/%25zz%25"),
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


@given(st.text())
def test_any_target_is_shown(target: str) -> None:
    """Nothing raises, and the path always begins with a slash."""
    uri = RequestUri("http", "h", target)
    path, _ = uri.split()

    assert str(uri).partition("://")[2]
    assert canonical_path(path).startswith("/")
    unescape(path)
