"""The public keys that verify bearer tokens, from a file or a URL, read again in time.

PyJWT's ``PyJWKClient`` is not used: it fetches with each request while the issuer fails, makes
other requests wait for a fetch, reads answers of any size, drops keys that it can't renew, and
follows redirects in older versions.
"""

import base64
import json
import logging
import threading
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit

import jwt

from app.config import masked_place

FRESH = 300.0
"""Seconds after which the keys are read again."""
AT_LEAST = 10.0
"""Seconds between two fetches, successful or not."""
LONGEST_WAIT = 3.0
"""Seconds that a request waits for a reading that it began, and a reading for the next byte."""
_LONGEST_BODY = 10.0
_LARGEST = 1 << 20


_LOG = logging.getLogger(__name__)


class Key(NamedTuple):
    """A public key, and the one algorithm that it may be used with, ``None`` for any."""

    public: Any
    algorithm: str | None


class KeySet:
    """The public keys at a place, remembered, and read again for rotation.

    One thread reads at a time, and only the request that started it waits for it. A fork leaves
    that thread behind, so it counts only as long as it lives.

    Args:
        place: a file's path or a URL.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._keys: Mapping[str | None, Key] = {}
        self._failure = "they are still being read"
        self._read_at = 0.0
        self._next_at = 0.0
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None

    def find(self, key_id: object) -> Key | None:
        """Return a key by its id, ``None`` for an unknown one; a set with one key needs no id."""
        key = self._known(key_id)
        if key is None:
            self._refresh(wait=LONGEST_WAIT)
            return self._known(key_id)
        if time.monotonic() - self._read_at >= FRESH:
            self._refresh(wait=0.0)
        return key

    def problem(self) -> str | None:
        """Return why there are no keys, after an attempt to read them; ``None`` if there are."""
        if not self._keys:
            self._refresh(wait=LONGEST_WAIT)
        if self._keys:
            return None
        return f"no keys can be read from {masked_place(self._place)}: {self._failure}"

    def _known(self, key_id: object) -> Key | None:
        keys = self._keys
        if key_id is None and len(keys) == 1:
            return next(iter(keys.values()))
        return keys.get(key_id) if isinstance(key_id, str) else None

    def _refresh(self, wait: float) -> None:
        """Start a reading, unless the last one is recent, and wait for that one only."""
        with self._lock:
            now = time.monotonic()
            if now < self._next_at or (self._reader is not None and self._reader.is_alive()):
                return
            self._next_at = now + AT_LEAST
            reader = threading.Thread(target=self._read, daemon=True)
            try:
                reader.start()
            except RuntimeError as error:
                self._failure = str(error)
                return
            self._reader = reader
        reader.join(wait)

    def _read(self) -> None:
        try:
            self._keys = read(self._place)
            self._read_at = time.monotonic()
        except KeySetError as error:
            self._failure = str(error)
            if self._keys:
                place = masked_place(self._place)
                _LOG.warning("the keys from %s can't be read again: %s", place, error)


@cache
def key_set(place: str) -> KeySet:
    """Return the process's keys at a place: what was read before a fork is there after it."""
    return KeySet(place)


class KeySetError(Exception):
    """A set of keys that can't be read or holds none; the message names no place."""


def read(place: str) -> dict[str | None, Key]:
    """Return the asymmetric keys for signatures at a place, by id. Raises KeySetError."""
    try:
        text = _fetch(place) if "://" in place else Path(place).read_bytes()
        return _public_keys(json.loads(text))
    except HTTPError as error:
        error.close()
        raise KeySetError(f"the answer's status is {error.code}") from None
    except URLError as error:
        raise KeySetError(str(error.reason)) from None
    except OSError as error:
        raise KeySetError(error.strerror or str(error)) from None
    # The message of another error may quote the URL or what was read.
    except Exception as error:
        raise KeySetError(f"it is no usable JWKS ({type(error).__name__})") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nowhere: the place of the keys is the one that was set."""


def _fetch(url: str) -> bytes:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host, fragment="").geturl())
    if at:
        credentials = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {credentials}")
    # Plain HTTP stays on this machine; a proxy could be another one.
    direct = [urllib.request.ProxyHandler({})] if parts.scheme == "http" else []
    opener = urllib.request.build_opener(_NoRedirect, *direct)
    ends = time.monotonic() + _LONGEST_BODY
    text = b""
    with opener.open(request, timeout=LONGEST_WAIT) as answer:
        while part := answer.read1(65536):
            text += part
            if time.monotonic() > ends or len(text) > _LARGEST:
                raise ValueError("too slow or too large")
    return text


def _public_keys(document: Any) -> dict[str | None, Key]:
    """Return the asymmetric keys; a shared secret is never one of them."""
    keys: dict[str | None, Key] = {}
    for item in document["keys"]:
        # A key of an unknown type does not affect the others.
        with suppress(jwt.PyJWTError, AttributeError, TypeError):
            if item.get("kty") in ("RSA", "EC", "OKP") and item.get("use", "sig") == "sig":
                key = jwt.PyJWK(item)
                # PyJWT assumes RS256 for an RSA key that names no algorithm.
                is_open = item["kty"] == "RSA" and "alg" not in item
                keys[item.get("kid")] = Key(key.key, None if is_open else key.algorithm_name)
    if not keys:
        raise ValueError("no usable key")
    return keys
