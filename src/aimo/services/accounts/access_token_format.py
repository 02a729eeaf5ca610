"""What a personal access token looks like: ``aimo_pat_``, its id, its secret and a checksum.

The checksum tells what was mistyped or cut from what was revoked, and lets programs that search texts for secrets
recognize one without asking anybody.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from typing import NamedTuple

from aimo import ids

PREFIX = "aimo_pat_"

_ID_PREFIX = "pat"
_DIGITS = string.digits + string.ascii_letters
_SECRET_LENGTH = 32
_CHECKSUM_LENGTH = 6
_FORM = re.compile(rf"{PREFIX}([0-9a-z]{{23}})([0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})")


class TokenParts(NamedTuple):
    """The id of a token, and the hash under which its secret is stored."""

    token_id: str
    secret_hash: str


def new_token() -> tuple[str, TokenParts]:
    """Return a new token, and what of it may be stored. Its secret has 190 bits."""
    token_id = ids.access_token_id()
    secret = "".join(secrets.choice(_DIGITS) for _ in range(_SECRET_LENGTH))
    body = f"{PREFIX}{token_id.removeprefix(_ID_PREFIX)}{secret}"
    return body + _checksum(body), TokenParts(token_id, _hash(secret))


def read_token(token: str) -> TokenParts | None:
    """Return the parts of a token; None for what is none."""
    match = _FORM.fullmatch(token)
    if match is None or _checksum(token[:-_CHECKSUM_LENGTH]) != match[3]:
        return None
    return TokenParts(_ID_PREFIX + match[1], _hash(match[2]))


def _hash(secret: str) -> str:
    # Nobody guesses 190 bits, however fast the hash is.
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
