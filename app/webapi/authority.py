"""The host and port of a URI, as System.Uri of .NET Framework 4.7.2 and later shows them."""

import re
from ipaddress import AddressValueError, IPv6Address

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 0xFFFF

_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]*))?")
_ZEROS = re.compile(r"\b0(?::0)+\b")
_WITH_IPV4 = ([0] * 6, [0] * 5 + [0xFFFF], [0] * 4 + [0xFFFF, 0])
# IPv4AddressHelper.ParseNonCanonical: hexadecimal, octal or decimal, as inet_aton reads them.
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]{0,9}")


def display_authority(scheme: str, authority: str) -> str:
    """Return host and port in canonical form, without the default port of the scheme.

    What is no authority for System.Uri is shown in lower case: the original has no URI for it.

    Args:
        scheme: ``http`` or ``https``.
        authority: the ``Host`` header or the authority of an absolute URI, as it was sent.
    """
    user, at, server = authority.rpartition("@")
    found = _AUTHORITY.fullmatch(server)
    if found is None:
        return authority.lower()
    # Six digits are too many, so that a longer number need not be read.
    port = int(found["port"].lstrip("0")[:6] or 0) if found["port"] else _DEFAULT_PORTS[scheme]
    if port > _MAX_PORT:
        return authority.lower()
    shown = user + at + _display_host(found["host"])
    return shown if port == _DEFAULT_PORTS[scheme] else f"{shown}:{port}"


def _display_host(host: str) -> str:
    """Uri.CreateHostStringHelper."""
    if host[:1] == "[":
        return _display_ipv6(host)
    if (address := _ipv4(host)) is not None:
        return _dotted(address)
    name = host.lower()
    return "localhost" if name == "loopback" else name


def _ipv4(host: str) -> bytes | None:
    """Read one to four numbers, the last of which fills the bytes that are left."""
    if host.count(".") > 3:
        return None
    try:
        *first, last = map(_number, host.split("."))
        return bytes(first) + last.to_bytes(4 - len(first))
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number of an IPv4 address")
    if text[:2].lower() == "0x":
        return int(text, 16)
    return int(text, 8 if text[0] == "0" else 10)


def _display_ipv6(host: str) -> str:
    """Write an address in its short form, without a zone: IPv6AddressHelper.CreateCanonicalName."""
    address = host[1:-1].partition("%")[0]
    try:
        packed = IPv6Address(address).packed
    except AddressValueError:
        return host.lower()
    # IPv6AddressHelper.Parse loses all seven groups that follow a "::" at the start.
    if address.startswith("::") and address.count(":") == 8:
        packed = bytes(16)
    groups = [int.from_bytes(packed[at : at + 2]) for at in range(0, 16, 2)]
    if not _embeds_ipv4(groups):
        return f"[{_compressed(groups)}]"
    return f"[{_compressed(groups[:6]).removesuffix(':')}:{_dotted(packed[12:])}]"


def _embeds_ipv4(groups: list[int]) -> bool:
    """IPv6AddressHelper.ShouldHaveIpv4Embedded: compatible, mapped, translated and ISATAP."""
    if groups[4:6] == [0, 0x5EFE]:
        return True
    return groups[6] != 0 and groups[:6] in _WITH_IPV4


def _compressed(groups: list[int]) -> str:
    """Write groups with the first of their longest runs of zeros as ``::``."""
    text = ":".join(f"{group:x}" for group in groups)
    zeros = max(_ZEROS.finditer(text), key=lambda run: len(run[0]), default=None)
    if zeros is None:
        return text
    return f"{text[: zeros.start()].rstrip(':')}::{text[zeros.end() :].lstrip(':')}"


def _dotted(address: bytes) -> str:
    return ".".join(map(str, address))
