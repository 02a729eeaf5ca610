"""Password hashes as the existing server wrote them: bcrypt, cost 10 (docs/contract/source-database.md#passwords)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import bcrypt

from aimo.errors import RateLimitExceeded
from aimo.threads import CORES, Busy, Threads

T = TypeVar("T")

_COST = 10
# The existing server's bcrypt ignores what follows; this one would refuse it.
_SIGNIFICANT_BYTES = 72
_SALT_LENGTH = 29
# To be compared with where there is no account: nobody knows what it is the hash of.
NOBODYS_HASH = "$2b$10$JKve3fmuOG07idK4UGgjseuO1wNMf77SHBJ/NYcZZQQtTiLWvLV1S"


# bcrypt computes for 60 ms without holding the interpreter. As many as wait here take two seconds on two cores.
_THREADS = Threads("passwords", min(CORES, 4), most_waiting=64)
_RETRY_SECONDS = 2


def _significant(password: str) -> bytes:
    return password.encode()[:_SIGNIFICANT_BYTES]


async def _run(work: Callable[[bytes, bytes], T], password: bytes, salt: bytes) -> T:
    try:
        return await _THREADS.run(work, password, salt)
    except Busy:
        message = "The server is checking too many passwords, please try again in a moment"
        raise RateLimitExceeded("passwords", retry_after=_RETRY_SECONDS, message=message) from None


async def hash_password(password: str) -> tuple[str, str]:
    """Return the hash of a password and the salt inside it, made off the event loop.

    Raises:
        LimitReached: too many passwords are waiting to be hashed.
    """
    made = await _run(bcrypt.hashpw, _significant(password), bcrypt.gensalt(_COST, b"2b"))
    text = made.decode("ascii")
    return text, text[:_SALT_LENGTH]


async def is_correct(password: str, stored: str) -> bool:
    """Return whether a password is the one of a stored hash; false for a stored text that is no hash.

    Raises:
        LimitReached: too many passwords are waiting to be checked.
    """
    try:
        return await _run(bcrypt.checkpw, _significant(password), stored.encode())
    except ValueError:
        return False
