"""When two names of a user's tags or categories are the same (decisions.md 3)."""

from __future__ import annotations

import unicodedata

from aimo.db.types import unique_key


def name_key(name: str) -> str:
    """What a name is compared by: NFC, trimmed, casefolded; abbreviated by its hash when it is long."""
    return unique_key(unicodedata.normalize("NFC", name).strip().casefold())


def sort_key(name: str) -> str:
    """What names are sorted by: casefolded code points without accents (decisions.md 13)."""
    decomposed = unicodedata.normalize("NFD", name)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
