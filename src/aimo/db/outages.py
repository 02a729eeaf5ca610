"""Whether an error means that the database is away for a while, not that it refuses what it was given."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from aimo.db.connection_errors import is_refusal, number_of

# The ways in which a connection fails or is lost, and a lock that another session holds for long.
_CODES = frozenset({1077, 1079, 2002, 2003, 2005, 2006, 2013, 2014, 2055, 1205, 1158, 1159, 1160, 1161, 1927})


def is_outage(error: BaseException) -> bool:
    """Return whether waiting and trying again can help."""
    if isinstance(error, OSError | TimeoutError | PoolTimeout):
        return True
    if isinstance(error, DBAPIError) and (error.connection_invalidated or isinstance(error, InterfaceError)):
        return True
    return is_refusal(error) or number_of(error) in _CODES
