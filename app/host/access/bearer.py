"""Bearer tokens: JWTs signed with a key of a JWKS. Imported only when they are switched on."""

import json
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt

LONGEST = 8192
"""Characters of a token that is looked at."""
LEEWAY = 10
"""Seconds by which clocks may differ."""
FRESH = 300.0
"""Seconds after which the keys are read again."""
AT_LEAST = 10.0
"""Seconds between two readings that unknown key ids cause."""
_LARGEST = 1 << 20
_TIMEOUT = 3.0


class Refused(Exception):  # noqa: N818  an outcome, not an error
    """A token that is not believed; the message is for the log."""


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
        self._keys = KeySet(jwks)
        self._algorithms = algorithms
        self._claim = claim
        self._checks: dict[str, Any] = {
            "issuer": issuer,
            "audience": audience,
            "leeway": LEEWAY,
            "options": {"require": ["exp", "iss", "aud", claim]},
        }

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
        if key.algorithm_name != algorithm:
            raise Refused("not the key's algorithm")
        claims = jwt.decode(token, key.key, algorithms=[algorithm], **self._checks)
        return _int32(claims[self._claim])


def _int32(value: Any) -> int:
    if type(value) is str and value.isascii() and value.removeprefix("-").isdecimal():
        value = int(value)
    if type(value) is not int:
        raise Refused("the user's claim is no number")
    return value


class KeySet:
    """The public keys at a place, remembered, and read again for rotation."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._read_at = -FRESH
        self._lock = threading.Lock()

    def find(self, key_id: object) -> jwt.PyJWK:
        """Return a key by its id, which is compared with the ids read and used for nothing else.

        A set with one key needs no id. Raises Refused.
        """
        age = time.monotonic() - self._read_at
        if age >= FRESH or (key_id not in self._keys and age >= AT_LEAST):
            self._refresh(age)
        keys = self._keys
        if key_id is None and len(keys) == 1:
            return next(iter(keys.values()))
        if not isinstance(key_id, str) or key_id not in keys:
            raise Refused("unknown key")
        return keys[key_id]

    def _refresh(self, age: float) -> None:
        # One thread reads while the others go on with the keys there are.
        if not self._lock.acquire(blocking=not self._keys):
            return
        try:
            if time.monotonic() - self._read_at < min(age, AT_LEAST):
                return
            self._read_at = time.monotonic()
            self._keys = _public_keys(_read(self._place))
        except (OSError, ValueError, jwt.PyJWTError):
            # What was read before stays, and the next try is AT_LEAST seconds away.
            self._read_at = time.monotonic() - FRESH + AT_LEAST
            if not self._keys:
                raise Refused(f"no keys can be read from {self._place}") from None
        finally:
            self._lock.release()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nowhere: the place of the keys is the one that was set."""


def _read(place: str) -> Any:
    if "://" not in place:
        return json.loads(Path(place).read_bytes())
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(place, timeout=_TIMEOUT) as answer:
        return json.loads(answer.read(_LARGEST))


def _public_keys(document: Any) -> dict[str | None, jwt.PyJWK]:
    """Return the asymmetric keys for signatures by id; a shared secret is never one of them."""
    keys: dict[str | None, jwt.PyJWK] = {}
    for item in document["keys"] if isinstance(document, dict) and "keys" in document else []:
        if item.get("kty") in ("RSA", "EC", "OKP") and item.get("use", "sig") == "sig":
            keys[item.get("kid")] = jwt.PyJWK(item)
    if not keys:
        raise ValueError("no usable key")
    return keys
