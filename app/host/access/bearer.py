"""Bearer tokens: JWTs signed with a key of a JWKS. Imported only when they are switched on."""

from typing import Any

import jwt

from app.host.access.jwks import key_set

LONGEST = 8192
"""Characters of a token that is looked at."""
LEEWAY = 10
"""Seconds by which clocks may differ."""


class Refused(Exception):  # noqa: N818  an outcome, not an error
    """A token that is refused; the message is for the log."""


class Tokens:
    """Checks tokens: signature, algorithm, issuer, audience and time.

    Args:
        jwks: a file's path or the URL of the key set.
        issuer: the only ``iss``.
        audience: must be in ``aud``.
        algorithms: the only ``alg``, all of them asymmetric.
        claim: the claim with the user's id.
    """

    def __init__(
        self, jwks: str, issuer: str, audience: str, algorithms: tuple[str, ...], claim: str
    ) -> None:
        self._keys = key_set(jwks)
        self._algorithms = algorithms
        self._claim = claim
        self._checks: dict[str, Any] = {
            "issuer": issuer,
            "audience": audience,
            "leeway": LEEWAY,
            "options": {"require": ["exp", "iss", "aud", claim]},
        }

    def problem(self) -> str | None:
        """Return why no token can be verified, ``None`` if one can: whether there are keys."""
        return self._keys.problem()

    def user_id(self, token: str) -> int:
        """Return the user whom a token speaks for; raises Refused."""
        try:
            return self._user_id(token)
        except Refused:
            raise
        # Whatever a library can't read is no token: a refusal, never an opening or a 500.
        except Exception as error:
            raise Refused(type(error).__name__) from None

    def _user_id(self, token: str) -> int:
        if len(token) > LONGEST:
            raise Refused("too long")
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in self._algorithms or "crit" in header:
            raise Refused("algorithm or critical header")
        key = self._keys.find(key_id)
        if key is None:
            raise Refused(self._keys.problem() or "unknown key")
        if key.algorithm not in (None, algorithm):
            raise Refused("not the key's algorithm")
        claims = jwt.decode(token, key.public, algorithms=[algorithm], **self._checks)
        return _int32(claims[self._claim])


def _int32(value: Any) -> int:
    if type(value) is str and value.isascii() and value.removeprefix("-").isdecimal():
        value = int(value)
    if type(value) is not int:
        raise Refused("the user's claim is no number")
    return value
