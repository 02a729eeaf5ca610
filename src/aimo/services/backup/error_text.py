"""Why a backup or a restoration failed, in one line."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

_LONGEST = 300


def reason(error: BaseException) -> str:
    """Return what an error says, in one line; of the database's errors without the statement and its rows."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = str(cause).partition("\n")[0][:_LONGEST].rstrip(".")
    # Other libraries' texts often say little without the name of their error.
    whole = text and (isinstance(cause, OSError) or type(cause).__module__.startswith("aimo."))
    return text if whole else f"{type(cause).__name__}: {text}".rstrip(": ")
