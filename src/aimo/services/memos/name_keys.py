"""When two names of a user's tags or categories are the same, and how long names may be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aimo.db.types import unique_key
from aimo.dto.base import UnsetType
from aimo.errors import AimoError, Code
from aimo.folding import name_form, name_form_as_before, sort_form

LONGEST_NAME: Final = 255
"""Characters of any new name or title. Longer ones that a migration brought stay, and can be looked up."""


LONGEST_QUERY: Final = 10_000
"""Characters of what is searched for or asked."""

MOST_LOOKED_UP: Final = 256 * 1024
"""Characters of all names together that one request looks up."""


def require_length(name: str, what: str, longest: int = LONGEST_NAME) -> str:
    """Return a text of a request that is not too long.

    Raises:
        AimoError: ``PARAMS_ERROR`` that says how long it may be.
    """
    if len(name) > longest:
        raise AimoError(Code.PARAMS_ERROR, f"{what} is longer than {longest} characters")
    return name


def require_color(color: str | UnsetType | None) -> str:
    """Return a color of a request, empty for none; `PARAMS_ERROR` for one that no page could need."""
    return require_length(color, "Color") if isinstance(color, str) else ""


def require_query(query: str) -> str:
    """Return what is searched for, unless it is too long.

    Raises:
        AimoError: ``PARAMS_ERROR`` that says how long it may be.
    """
    return require_length(query, "Query", LONGEST_QUERY)


def require_lookup(names: Iterable[str]) -> None:
    """See that names to be looked up are not too long together.

    Raises:
        AimoError: ``PARAMS_ERROR`` that says how long they may be.
    """
    if sum(map(len, names)) > MOST_LOOKED_UP:
        raise AimoError(Code.PARAMS_ERROR, f"The names are longer than {MOST_LOOKED_UP} characters together")


def name_key(name: str) -> str:
    """Return what a name is compared by: folded and trimmed; abbreviated by its hash when it is long."""
    return unique_key(name_form(name))


def name_key_as_before(name: str) -> str:
    """Return what 1.0.0 compared a name by, which finished migrations have recorded."""
    return unique_key(name_form_as_before(name))


def sort_key(name: str) -> str:
    """Return what names are sorted by: folded code points without accents."""
    return sort_form(name)
