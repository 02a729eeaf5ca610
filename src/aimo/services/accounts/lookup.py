"""Whom an operator means."""

from __future__ import annotations

from aimo.db.connection import Database
from aimo.db.queries import users as user_queries
from aimo.db.types import unique_key
from aimo.errors import ConfigurationError


async def require_uid(database: Database, email: str) -> str:
    """Return the id of the active user with this e-mail, written exactly like that.

    Raises:
        ConfigurationError: there is none.
    """
    async with database.reads() as connection:
        row = await user_queries.by_email(connection, email_key=unique_key(email))
    if row is None or row.email != email:
        raise ConfigurationError(f"There is no active user with the e-mail {email}.")
    return row.uid
