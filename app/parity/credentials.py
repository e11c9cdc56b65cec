"""Credentials for a service: secret headers, a client certificate, a CA."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from app.parity.recording import Headers

KEY_PASSWORD = "PARITY_KEY_PASSWORD"
"""The environment variable with the password of an encrypted key."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Headers that are sent and never written, and files for TLS."""

    headers: Headers
    cert: Path | None
    key: Path | None
    cacert: Path | None

    def tls(self, base_url: str) -> ssl.SSLContext | None:
        """Make the context for TLS, ``None`` for the system's. Raises UsageError."""
        if self.key is not None and self.cert is None:
            raise click.UsageError(f"{self.key} is a key without a certificate")
        if self.cert is None and self.cacert is None:
            return None
        if not base_url.lower().startswith("https:"):
            raise click.UsageError(f"certificates are for https://, not {base_url}")
        try:
            made = ssl.create_default_context(cafile=self.cacert)
        except (OSError, ValueError) as error:
            raise click.UsageError(f"{self.cacert} holds no CA certificates: {error}") from None
        if self.cacert is not None:
            # Python 3.13 refuses what the CAs of companies often lack, such as a key identifier.
            made.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.cert is not None:
            _load(made, self.cert, self.key)
        return made


class HeaderType(click.ParamType[Headers]):
    """``Name: value``, or ``@FILE`` with one such line for each header.

    An environment variable holds one a line, too. An error never quotes a value: it may be secret.
    """

    name = "header"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Headers:
        """Return the headers of one value."""
        if not value.startswith("@"):
            return (self._pair(value, "", param, ctx),)
        try:
            lines = Path(value[1:]).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{value[1:]} can't be read: {error}", param, ctx)
        return tuple(
            self._pair(line, f"{value[1:]}:{number}: ", param, ctx)
            for number, line in enumerate(lines, 1)
            if line.strip()
        )

    def split_envvar_value(self, rv: str) -> list[str]:
        """Split a variable's lines."""
        return [line for line in rv.splitlines() if line.strip()]

    def _pair(
        self, text: str, where: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        name, colon, value = (part.strip() for part in text.partition(":"))
        latin = all(character.isprintable() and ord(character) < 256 for character in value)
        if not colon or not name or not name.isascii() or " " in name or not latin:
            self.fail(f"{where}must be 'Name: value'", param, ctx)
        return name, value


def _load(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(cert, key, lambda: os.environ.get(KEY_PASSWORD, ""))
    except (OSError, ValueError) as error:
        hint = f"{KEY_PASSWORD} must hold the password of an encrypted key"
        raise click.UsageError(f"{cert} can't be used: {error} ({hint})") from None
