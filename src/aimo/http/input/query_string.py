"""Nested ``application/x-www-form-urlencoded`` syntax as the ``qs`` library reads it.

See docs/contract/requests.md#query-parameters.

``a=1`` · ``a=1&a=2`` and ``a[]=1`` (lists) · ``a[0]=1`` (list by index) · ``a[b]=1`` (object).
Names are percent-decoded before their brackets are looked at. A component with malformed
percent-encoding stays as it was sent, as in JavaScript.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes

Value = str | list[Any] | dict[str, Any]

_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class TooManyParametersError(ValueError):
    """More pairs than the limit."""


class _Sparse(dict[int, object]):
    """A list under construction: JavaScript arrays may have holes."""

    def append(self, value: object) -> None:
        self[max(self, default=-1) + 1] = value


def parse(text: str, *, depth: int = 5, list_limit: int = 20, parameters: int = 1000) -> dict[str, Value]:
    """Read pairs into texts, lists and objects.

    Args:
        text: what follows ``?``, or a form body.
        depth: bracket levels that are read; what is deeper becomes one literal key.
        list_limit: largest index that still makes a list rather than an object.
        parameters: most pairs.

    Raises:
        TooManyParametersError: there are more pairs than ``parameters``.
    """
    if not text:
        return {}
    if text.count("&") >= parameters:
        raise TooManyParametersError
    if "[" not in text and "]" not in text and "%5" not in text:
        return _flat(text)
    collected: dict[str, object] = {}
    for key, value in _pairs(text).items():
        chain = _chain(key, depth)
        if chain:
            collected = _merge(collected, _nest(chain, value, list_limit))
    return {key: _dense(value) for key, value in collected.items()}


def decode(component: str) -> str:
    """``decodeURIComponent`` after ``+`` became a space; malformed input comes back undecoded."""
    component = component.replace("+", " ")
    if "%" not in component:
        return component
    if _BAD_ESCAPE.search(component):
        return component
    try:
        return unquote_to_bytes(component).decode()
    except UnicodeDecodeError:
        return component


def _flat(text: str) -> dict[str, Value]:
    values: dict[str, Any] = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name and (key := decode(name)) != "__proto__":
            _collect(values, key, decode(value))
    return values


def _pairs(text: str) -> dict[str, Any]:
    values: dict[str, object] = {}
    for part in text.split("&"):
        bracket = part.find("]=")
        at = bracket + 1 if bracket >= 0 else part.find("=")
        name, value = (part, "") if at < 0 else (part[:at], part[at + 1 :])
        _collect(values, decode(name), decode(value))
    return values


def _collect(values: dict[str, Any], key: str, value: str) -> None:
    if key not in values:
        values[key] = value
    elif isinstance(values[key], list):
        values[key].append(value)
    else:
        values[key] = [values[key], value]


def _chain(key: str, depth: int) -> list[str]:
    """``a[b][]`` as ``["a", "[b]", "[]"]``."""
    first = _BRACKETS.search(key)
    if first is None:
        return [key] if key else []
    chain = [key[: first.start()]] if first.start() else []
    for level, match in enumerate(_BRACKETS.finditer(key)):
        if level == depth:
            chain.append(f"[{key[match.start() :]}]")
            break
        chain.append(match.group())
    return chain


def _nest(chain: list[str], value: object, list_limit: int) -> object:
    leaf = _Sparse(enumerate(value)) if isinstance(value, list) else value
    for part in reversed(chain):
        name = part[1:-1] if part.startswith("[") and part.endswith("]") else part
        if part == "[]":
            leaf = leaf if isinstance(leaf, _Sparse) else _Sparse({0: leaf})
        elif name != part and _INDEX.fullmatch(name) and int(name) <= list_limit:
            leaf = _Sparse({int(name): leaf})
        else:
            leaf = {} if name == "__proto__" else {name: leaf}
    return _as_object(leaf)


def _merge(target: Any, source: Any) -> Any:
    if not isinstance(source, dict):
        if isinstance(target, _Sparse):
            target.append(source)
        elif isinstance(target, dict):
            target[source] = True
        else:
            return _Sparse({0: target, 1: source})
        return target
    if not isinstance(target, dict):
        rest = source.values() if isinstance(source, _Sparse) else [source]
        return _Sparse(enumerate([target, *rest]))
    if isinstance(target, _Sparse) and isinstance(source, _Sparse):
        return _merge_lists(target, source)
    merged = _as_object(target)
    for key, value in _as_object(source).items():
        merged[key] = _merge(merged[key], value) if key in merged else value
    return merged


def _merge_lists(target: _Sparse, source: _Sparse) -> _Sparse:
    for index, value in source.items():
        if index not in target:
            target[index] = value
        elif isinstance(target[index], dict) and isinstance(value, dict):
            target[index] = _merge(target[index], value)
        else:
            target.append(value)
    return target


def _as_object(value: Any) -> Any:
    if isinstance(value, _Sparse):
        return {str(index): item for index, item in value.items()}
    return value


def _dense(value: Any) -> Any:
    if isinstance(value, _Sparse):
        return [_dense(value[index]) for index in sorted(value)]
    if isinstance(value, dict):
        return {key: _dense(item) for key, item in value.items()}
    return value
