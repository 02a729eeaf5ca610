"""Which text can be stored: no NUL and no lone surrogate (docs/contract/bodies.md#json)."""

from __future__ import annotations

from aimo.errors import AimoError, Code
from aimo.http.asgi_types import Scope

_MARK = "unusable_text"


def is_usable(text: str) -> bool:
    """Return whether a text is free of NUL characters and of lone surrogates, which no UTF-8 can hold."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_usable(text: str) -> str:
    """Return the text itself.

    Raises:
        AimoError: ``PARAMS_ERROR`` when it holds a NUL or a lone surrogate.
    """
    if not is_usable(text):
        raise AimoError(Code.PARAMS_ERROR)
    return text


def require_usable_inside(value: object) -> None:
    """Check every text inside decoded JSON, keys included.

    Raises:
        AimoError: ``PARAMS_ERROR`` when one holds a NUL or a lone surrogate.
    """
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            require_usable(item)
        elif isinstance(item, dict):
            pending += [*item, *item.values()]
        elif isinstance(item, list):
            pending += item


def flag_unusable_text(scope: Scope) -> None:
    """Remember that the request's body holds text that cannot be stored."""
    scope.setdefault("state", {})[_MARK] = True


def require_usable_body(scope: Scope) -> None:
    """To be called once the request is authenticated and before its body is used.

    Raises:
        AimoError: ``PARAMS_ERROR`` when the body held a NUL or a lone surrogate.
    """
    if scope.get("state", {}).get(_MARK):
        raise AimoError(Code.PARAMS_ERROR)
