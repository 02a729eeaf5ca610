"""Why a backup or a restoration failed, in one line."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

_LONGEST = 300


def reason(error: BaseException) -> str:
    """What an error says, in one line; of the database's errors without the statement and its rows."""
    told = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = str(told).partition("\n")[0][:_LONGEST].rstrip(".")
    return text or type(told).__name__
