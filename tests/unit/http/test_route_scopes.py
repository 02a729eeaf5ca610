"""Every route is either opened by a scope of access tokens, or left to sessions on purpose."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from litestar import Litestar

from aimo.http.app import CONTROLLERS, DEPENDENCIES
from aimo.http.auth import PUBLIC
from aimo.http.edge.route_table import RouteTable
from aimo.http.route_scopes import ROUTE_SCOPES, SESSION_ONLY, refusal
from aimo.services.accounts.token_scopes import PRESETS, TokenScope

PAGE = (Path(__file__).resolve().parents[3] / "docs/contract/access-tokens.md").read_text(encoding="utf-8")
APP = Litestar(route_handlers=CONTROLLERS, dependencies=DEPENDENCIES, openapi_config=None, logging_config=None)
PROTECTED = {
    f"{method} {route.path.replace(':str}', '}')}"
    for route in APP.routes
    for method in getattr(route, "methods", ())
    if method != "OPTIONS" and route.path.startswith("/api") and not route.path.startswith(PUBLIC)
}


def test_every_protected_route_has_a_scope_or_is_left_to_sessions() -> None:
    assert len(PROTECTED) > 80
    assert set(ROUTE_SCOPES) | SESSION_ONLY == PROTECTED
    assert set(ROUTE_SCOPES) & SESSION_ONLY == set()


def test_routes_are_found_by_the_names_of_the_table() -> None:
    table = RouteTable.of(APP)
    for route in PROTECTED:
        method, path = route.split()
        assert table.find(method, re.sub(r"\{\w+\}", "some-id", path)) == route


@pytest.mark.parametrize("scopes", [(), tuple(TokenScope)])
def test_a_route_that_nobody_listed_is_closed(scopes: tuple[TokenScope, ...]) -> None:
    assert refusal("GET /api/v1/new-route", scopes) == "Access tokens cannot do this; log in instead"


def test_nothing_that_changes_is_open_to_who_may_read() -> None:
    read = {route for route, scope in ROUTE_SCOPES.items() if scope in PRESETS["read"]}
    assert {route for route in read if not route.startswith("GET ")} == {
        "POST /api/v1/memos/search",
        "POST /api/v1/memos/search/vector",
    }
    assert {scope for route, scope in ROUTE_SCOPES.items() if route.startswith("DELETE ")} == {TokenScope.MEMOS_DELETE}


def test_every_scope_is_documented() -> None:
    assert set(re.findall(r"^\| `([\w:]+)` \|", PAGE, re.MULTILINE)) == set(TokenScope)
