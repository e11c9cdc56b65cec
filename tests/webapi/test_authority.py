"""System.Uri's host and port."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webapi.authority import display_authority


@pytest.mark.parametrize(
    ("authority", "shown"),
    [
        ("LEGACY.Example", "legacy.example"),
        ("h.", "h."),
        ("loopback", "localhost"),
        ("LoopBack:8080", "localhost:8080"),
        ("loopback.example", "loopback.example"),
        ("a" * 64 + ".Example", "a" * 64 + ".example"),
        ("h:", "h"),
        ("h:80", "h"),
        ("h:0080", "h"),
        ("h:443", "h:443"),
        ("h:08080", "h:8080"),
        ("h:0", "h:0"),
        ("h:" + "0" * 5000 + "81", "h:81"),
        ("h:65535", "h:65535"),
        ("u@H:81", "u@h:81"),
    ],
)
def test_names_and_ports(authority: str, shown: str) -> None:
    """Lower case, no default port, no zeros before a port."""
    assert display_authority("http", authority) == shown


def test_the_default_port_is_the_schemes() -> None:
    """443 for https."""
    assert display_authority("https", "h:443") == "h"
    assert display_authority("https", "h:80") == "h:80"


@pytest.mark.parametrize(
    ("authority", "shown"),
    [
        ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1:0080", "127.0.0.1"),
        ("010.1.1.1", "8.1.1.1"),
        ("1.2.772", "1.2.3.4"),
        ("4294967295", "255.255.255.255"),
        ("0", "0.0.0.0"),
        ("0x" + "0" * 5000 + "1", "0.0.0.1"),
    ],
)
def test_ipv4(authority: str, shown: str) -> None:
    """Any of inet_aton's forms is four decimals."""
    assert display_authority("http", authority) == shown


@pytest.mark.parametrize(
    "name",
    [
        *["4294967296", "256.1", "1.2.3.256", "1.2.3.4.5", "1.2.3.4.0", "1.2.3.4.", "1..2", "0x"],
        *["08", "1.2.3.0x", "1a", "1_0", "+1", "0x7g", "1.16777216", "9" * 5000, "0x" + "f" * 5000],
    ],
)
def test_what_is_no_ipv4_address_is_a_name(name: str) -> None:
    """It is shown as it is."""
    assert display_authority("http", name) == name


@pytest.mark.parametrize(
    ("authority", "shown"),
    [
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[::1]:80", "[::1]"),
        ("[::1]:0081", "[::1]:81"),
        ("[::]", "[::]"),
        ("[FE80::0001%25eth0]", "[fe80::1]"),
        ("[fe80::1%eth0]:8080", "[fe80::1]:8080"),
        ("[::ffff:102:304]", "[::ffff:1.2.3.4]"),
        ("[::ffff:0:102:304]", "[::ffff:0:1.2.3.4]"),
        ("[::102:304]", "[::1.2.3.4]"),
        ("[::1:2]", "[::0.1.0.2]"),
        ("[::ffff:0:1]", "[::ffff:0:1]"),
        ("[fe80::5efe:102:304]", "[fe80::5efe:1.2.3.4]"),
        ("[1:2:3:4:0:5efe::]", "[1:2:3:4:0:5efe:0.0.0.0]"),
        ("[1:0:0:2:0:0:0:3]", "[1:0:0:2::3]"),
        ("[1:0:0:2:3:0:0:4]", "[1::2:3:0:0:4]"),
        ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7:0]"),
        ("[::2:3:4:5:6:7:8]", "[::]"),
    ],
)
def test_ipv6(authority: str, shown: str) -> None:
    """The short form, without a zone; the last is a fault of .NET's."""
    assert display_authority("http", authority) == shown


@pytest.mark.parametrize(
    "authority",
    [
        "a..b",
        ".x",
        "a B",
        "H:99999",
        "h:8a",
        "h:-1",
        "[::1",
        "[::g]",
        "[]",
        "::1",
        'a"</Message>',
        "",
    ],
)
def test_what_is_no_host_is_shown_too(authority: str) -> None:
    """In lower case; System.Uri has no URI for it."""
    assert display_authority("http", authority) == authority.lower()


@st.composite
def _ipv4_forms(draw: st.DrawFn) -> tuple[int, str]:
    """Draw an address and one of its forms."""
    address = draw(st.integers(0, 2**32 - 1) | st.integers(0, 300))
    parts = draw(st.integers(1, 4))
    numbers = [*address.to_bytes(4)[: parts - 1], address % 256 ** (5 - parts)]
    bases = st.sampled_from(["{:d}", "0{:o}", "000{:o}", "0x{:x}", "0X0{:X}"])
    return address, ".".join(draw(bases).format(part) for part in numbers)


@given(_ipv4_forms())
def test_every_form_of_an_ipv4_address_is_the_same(drawn: tuple[int, str]) -> None:
    """Decimal, octal or hexadecimal, in one to four parts."""
    address, form = drawn

    assert display_authority("http", form) == str(IPv4Address(address))


def _short(groups: list[str]) -> str:
    """Leave out the first of the longest runs of zeros, trying all runs."""
    size = len(groups)
    runs = [(start, end) for start in range(size) for end in range(start + 2, size + 1)]
    zeros = [run for run in runs if set(groups[slice(*run)]) == {"0"}]
    if not zeros:
        return ":".join(groups)
    start, end = max(zeros, key=lambda run: run[1] - run[0])
    return ":".join(groups[:start]) + "::" + ":".join(groups[end:])


@given(
    st.lists(st.sampled_from([0, 0, 1, 0x10, 0xFFFF, 0x5EFE, 0xFE80]), min_size=8, max_size=8),
)
def test_an_ipv6_address_has_its_short_form(groups: list[int]) -> None:
    """With its last 32 bits as IPv4 where .NET has them so."""
    address = IPv6Address(b"".join(group.to_bytes(2) for group in groups))
    dotted = str(IPv4Address(address.packed[12:]))
    texts = [f"{group:x}" for group in groups]
    prefix = ":".join(texts[:6])
    embedded = prefix.endswith(":0:5efe") or (
        prefix in ("0:0:0:0:0:0", "0:0:0:0:0:ffff", "0:0:0:0:ffff:0") and groups[6] != 0
    )

    shown = display_authority("http", f"[{address.exploded}]")

    if embedded:
        assert shown == f"[{_short(texts[:6]).removesuffix(':')}:{dotted}]"
    else:
        assert shown == f"[{_short(texts)}]"


@given(st.sampled_from(["http", "https"]), st.text())
def test_anything_is_shown(scheme: str, authority: str) -> None:
    """Nothing raises."""
    display_authority(scheme, authority)
