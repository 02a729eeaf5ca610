"""Hashes of rows and keys: equal for equal values, on either side (null differs from an empty text)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

_encode = msgspec.msgpack.Encoder(order="sorted", enc_hook=repr).encode


def hash_row(values: Iterable[object]) -> bytes:
    """16 bytes for the values of a row in their order; dicts count as unordered."""
    held = list(values)
    try:
        encoded = _encode(held)
    except (OverflowError, UnicodeEncodeError, RecursionError):
        encoded = repr(held).encode("utf-8", "surrogatepass")
    return blake2b(encoded, digest_size=16).digest()


def hash_key(*parts: str) -> bytes:
    """8 bytes for a key of one or several texts."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
