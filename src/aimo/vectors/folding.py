"""How text is folded before it is stored or searched (decisions.md 13a)."""

from __future__ import annotations

import unicodedata


def well_formed(text: str) -> str:
    """The text as a JavaScript runtime would encode it: surrogate pairs joined, lone surrogates as U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def fold(text: str) -> str:
    """The form in which texts are compared: NFKC, then casefolding, then NFKC again.

    ``MySQL`` and ``ＭｙＳＱＬ`` fold to ``mysql``. The result is stable: folding it again changes
    nothing. Lone surrogates become U+FFFD, since no store can hold them.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", well_formed(text)).casefold())
