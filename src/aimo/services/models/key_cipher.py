"""Encrypts the keys of users' models for the database, with a key derived from the server's secret.

A stored key is text: URL-safe base64 of a version byte, four bytes that tell by which secret it was encrypted, a random
nonce and the ciphertext of AES-256-GCM. It is bound to its model, so that it means nothing in another row.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION: Final = b"\x01"
_PURPOSE = b"aimo: keys of users' models, version 1"
_KEY_BYTES = 32
_MARK_BYTES = 4
_NONCE_BYTES = 12
_HEAD_BYTES = len(VERSION) + _MARK_BYTES + _NONCE_BYTES

MASK: Final = "••••"
# Of a shorter key, four characters would be too much.
_SHORTEST_SHOWN = 12


class UnreadableKeyError(Exception):
    """A stored key that this secret cannot decrypt: it was encrypted by another one, or is damaged."""


class KeyCipher:
    """Encrypts and decrypts with one secret."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(SHA256(), _KEY_BYTES + _MARK_BYTES, salt=None, info=_PURPOSE).derive(secret.encode())
        self._aes = AESGCM(derived[:_KEY_BYTES])
        self._mark = derived[_KEY_BYTES:]

    def encrypt(self, key: str, *, model_id: str) -> str:
        """Return what to store of a key."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._aes.encrypt(nonce, key.encode(), VERSION + model_id.encode())
        return base64.urlsafe_b64encode(VERSION + self._mark + nonce + sealed).decode("ascii")

    def decrypt(self, stored: str, *, model_id: str) -> str:
        """Return the key that was stored for a model.

        Raises:
            UnreadableKeyError: it was encrypted by another secret or for another model, or is damaged.
        """
        try:
            raw = base64.b64decode(stored, altchars=b"-_", validate=True)
            if raw[: len(VERSION)] != VERSION or not self._is_of_this_secret(raw):
                raise UnreadableKeyError
            nonce, sealed = raw[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES], raw[_HEAD_BYTES:]
            return self._aes.decrypt(nonce, sealed, VERSION + model_id.encode()).decode()
        except (binascii.Error, ValueError, InvalidTag):
            raise UnreadableKeyError from None

    def masked(self, stored: str, *, model_id: str) -> str:
        """Return what to show of a stored key: bullets and the end of a long one; bullets alone of one unreadable."""
        try:
            key = self.decrypt(stored, model_id=model_id)
        except UnreadableKeyError:
            return MASK
        return MASK + (key[-4:] if len(key) >= _SHORTEST_SHOWN else "")

    def _is_of_this_secret(self, raw: bytes) -> bool:
        return raw[len(VERSION) : len(VERSION) + _MARK_BYTES] == self._mark
