"""Why a backup or a restoration failed, in one line."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

_LONGEST = 300


def reason(error: BaseException) -> str:
    """What an error says, in one line; of the database's errors without the statement and its rows."""
    told = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = str(told).partition("\n")[0][:_LONGEST].rstrip(".")
    # Other libraries' texts often say little without the name of their error.
    whole = text and (isinstance(told, OSError) or type(told).__module__.startswith("aimo."))
    return text if whole else f"{type(told).__name__}: {text}".rstrip(": ")
