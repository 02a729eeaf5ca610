"""Which method and path the API serves, known without asking it (docs/contract/requests.md#paths-and-methods)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litestar import Litestar

_PARAMETER = re.compile(r"\{\w+(?::str)?\}")


class _Node:
    """One segment of the tree; the branch of a parameter is tried when no literal fits."""

    __slots__ = ("literal", "methods", "parameter")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.methods: dict[str, str] = {}


class RouteTable:
    """The paths of the API and their methods.

    Matching is that of the framework (a literal segment wins, without going back), but
    strict: case counts and empty segments match nothing. The framework by itself collapses
    ``//api/…`` into ``/api/…``, which would walk around a check of the prefix.
    """

    def __init__(self, routes: Iterable[tuple[str, Collection[str]]]) -> None:
        self._root = _Node()
        for template, methods in routes:
            self._add(template, methods)

    @classmethod
    def of(cls, app: Litestar) -> RouteTable:
        """Return the HTTP routes registered with an app."""
        return cls((route.path, route.methods) for route in app.routes if hasattr(route, "methods"))

    def matches(self, method: str, path: str) -> bool:
        """Return whether a route exists; ``HEAD`` counts as ``GET``."""
        return self.find(method, path) is not None

    def find(self, method: str, path: str) -> str | None:
        """Return the route of a request as ``GET /path/{parameter}``; None without one. ``HEAD`` counts as ``GET``."""
        node = self._root
        for part in path[1:].split("/") if path != "/" else ():
            following = node.literal.get(part) or (node.parameter if part else None)
            if following is None:
                return None
            node = following
        return node.methods.get("GET" if method == "HEAD" else method)

    def _add(self, template: str, methods: Collection[str]) -> None:
        node = self._root
        for part in [part for part in template.split("/") if part]:
            if part.startswith("{") and not _PARAMETER.fullmatch(part):
                raise ValueError(f"{template}: only parameters of one text segment differ from missing pages")
            if _PARAMETER.fullmatch(part):
                node.parameter = node = node.parameter or _Node()
            else:
                node = node.literal.setdefault(part, _Node())
        plain = template.replace(":str}", "}")
        node.methods.update({method: f"{method} {plain}" for method in methods})
