"""What personal access tokens may be allowed (docs/contract/access-tokens.md#scopes)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from aimo.errors import AimoError, Code


class TokenScope(StrEnum):
    """Something that a token may do; none includes another."""

    MEMOS_READ = "memos:read"
    MEMOS_WRITE = "memos:write"
    MEMOS_DELETE = "memos:delete"
    AI = "ai"
    EXPORT = "export"


READ = (TokenScope.MEMOS_READ,)
WRITE = (TokenScope.MEMOS_READ, TokenScope.MEMOS_WRITE)
PRESETS = {"read": READ, "write": WRITE, "full": tuple(TokenScope)}
"""Scopes that go together, by a name."""


def require_scopes(names: object) -> tuple[TokenScope, ...]:
    """Return the scopes of these names, each once and in their own order.

    Raises:
        AimoError: ``PARAMS_ERROR`` that names the scopes that there are.
    """
    known = ", ".join(TokenScope)
    if not isinstance(names, list | tuple) or not names:
        raise AimoError(Code.PARAMS_ERROR, f"scopes must be a list with at least one of {known}")
    if not all(name in list(TokenScope) for name in names):
        raise AimoError(Code.PARAMS_ERROR, f"scopes must be among {known}")
    return tuple(scope for scope in TokenScope if scope in names)


def stored(scopes: Iterable[TokenScope]) -> str:
    """Return scopes as one text; `parsed` reads it."""
    return " ".join(scopes)


def parsed(text: str) -> frozenset[TokenScope]:
    """Return the scopes of a stored text; a name of another release allows nothing."""
    return frozenset(scope for scope in TokenScope if scope in text.split())
