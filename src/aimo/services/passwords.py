"""Password hashes as the existing server wrote them: bcrypt, cost 10 (contract, data-model.md 8)."""

from __future__ import annotations

import asyncio

import bcrypt

_COST = 10
# The existing server's bcrypt ignores what follows; this one would refuse it.
_SIGNIFICANT_BYTES = 72
_SALT_LENGTH = 29
# To be compared with where there is no account: nobody knows what it is the hash of.
NOBODYS_HASH = "$2b$10$JKve3fmuOG07idK4UGgjseuO1wNMf77SHBJ/NYcZZQQtTiLWvLV1S"


def _significant(password: str) -> bytes:
    return password.encode()[:_SIGNIFICANT_BYTES]


async def hash_password(password: str) -> tuple[str, str]:
    """The hash of a password and the salt inside it, made off the event loop."""
    made = await asyncio.to_thread(bcrypt.hashpw, _significant(password), bcrypt.gensalt(_COST, b"2b"))
    text = made.decode("ascii")
    return text, text[:_SALT_LENGTH]


async def is_correct(password: str, stored: str) -> bool:
    """Whether a password is the one of a stored hash; false for a stored text that is no hash."""
    try:
        return await asyncio.to_thread(bcrypt.checkpw, _significant(password), stored.encode())
    except ValueError:
        return False
