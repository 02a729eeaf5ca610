"""Ids of requests that no row can have, which the database need not be asked for."""

from __future__ import annotations

from aimo import ids
from aimo.errors import AimoError, Code


def require_possible_id(value: str) -> None:
    """Refuse with NOT_FOUND a text that nothing can have as its id."""
    if not ids.is_possible(value):
        raise AimoError(Code.NOT_FOUND)
