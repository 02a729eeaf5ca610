"""Signed addresses of local files, because ``<img>`` sends no token (docs/contract/files.md#signed-files)."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import quote, unquote

from aimo import clock

_FILES = "/files/"
_DIGITS = re.compile(r"[0-9]{1,12}", re.ASCII)


class FileSigner:
    """Makes and checks ``/files/{key}?exp=…&sig=…`` (HMAC-SHA256 over expiry and key).

    The key of the signatures is derived from the secret, so that a signature is of no use
    elsewhere. Expiry times are rounded down to a quarter of the lifetime: an address stays
    the same for a while and browsers can cache it, and never lives longer than asked.
    """

    def __init__(self, secret: str, prefix: str = "") -> None:
        """``prefix`` is the path below which clients reach this server, percent-encoded."""
        derived = hmac.digest(secret.encode(), b"aimo file addresses", sha256)
        self._hmac = hmac.new(derived, digestmod=sha256)
        self._prefix = prefix

    def url(self, key: str, lifetime: int, *, now: float | None = None) -> str:
        """Return the path and query under which a key can be fetched for up to ``lifetime`` seconds."""
        step = max(1, lifetime // 4)
        expires = (int(clock.now_ms() / 1000 if now is None else now) + lifetime) // step * step
        return f"{self._prefix}{_FILES}{quote(key)}?exp={expires}&sig={self._signature(key, str(expires))}"

    def key_in(self, path: str) -> str | None:
        """Return the key that the path of an address names, with or without the prefix; None where it is no file's."""
        own = path.removeprefix(self._prefix)
        return unquote(own.removeprefix(_FILES)) if own.startswith(_FILES) else None

    def allows(self, key: str, expires: str, signature: str, *, now: float | None = None) -> bool:
        """Return whether a signature is genuine and has not expired."""
        if not _DIGITS.fullmatch(expires):
            return False
        genuine = hmac.compare_digest(self._signature(key, expires).encode(), signature.encode("utf-8", "replace"))
        return genuine and int(expires) > (clock.now_ms() / 1000 if now is None else now)

    def _signature(self, key: str, expires: str) -> str:
        signing = self._hmac.copy()
        signing.update(f"{expires}\n{key}".encode("utf-8", "surrogatepass"))
        return urlsafe_b64encode(signing.digest()).rstrip(b"=").decode()
