"""The API's document: complete, described, and a page that loads nothing from elsewhere."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from litestar import Litestar
from tests.support.server import Server

import aimo.dto
from aimo.dto.base import Dto
from aimo.http.app import CONTROLLERS, DEPENDENCIES
from aimo.http.output.openapi import document

# What the clients of the existing server call (docs/contract/README.md), by resource.
CONTRACT = """
POST /api/v1/auth/register|POST /api/v1/auth/login|GET /api/v1/user/info|PUT /api/v1/user/info
POST /api/v1/user/password
POST /api/v1/user/avatar|GET /api/v1/memos|POST /api/v1/memos/search/vector|POST /api/v1/memos|GET /api/v1/memos/{}
DELETE /api/v1/memos/{}|PUT /api/v1/memos/{}|PUT /api/v1/memos/{}/tags|GET /api/v1/memos/{}/related
GET /api/v1/memos/{}/backlinks|GET /api/v1/memos/public/{}|GET /api/v1/memos/public/{}/random
GET /api/v1/memos/public/memo/{}|POST /api/v1/memos/ba/create|GET /api/v1/categories|POST /api/v1/categories
GET /api/v1/categories/{}|PUT /api/v1/categories/{}|DELETE /api/v1/categories/{}|GET /api/v1/tags|POST /api/v1/tags
GET /api/v1/tags/{}|PUT /api/v1/tags/{}|DELETE /api/v1/tags/{}|POST /api/v1/attachments/upload|GET /api/v1/attachments
GET /api/v1/attachments/{}|DELETE /api/v1/attachments/{}|GET /api/v1/attachments/{}/download
PATCH /api/v1/attachments/{}/properties|POST /api/v1/attachments/ba/upload|POST /api/v1/explore
POST /api/v1/explore/quick-search|GET /api/v1/explore/relations/{}|GET /api/v1/explore/conversations
POST /api/v1/explore/conversations|GET /api/v1/explore/conversations/{}|PUT /api/v1/explore/conversations/{}
DELETE /api/v1/explore/conversations/{}|POST /api/v1/explore/conversations/{}/messages|GET /api/v1/insights/activity
GET /api/v1/insights/on-this-day|GET /api/v1/insights/daily-recommendations|GET /api/v1/push-rules
POST /api/v1/push-rules|GET /api/v1/push-rules/{}|PUT /api/v1/push-rules/{}|DELETE /api/v1/push-rules/{}
POST /api/v1/push-rules/{}/test|GET /api/v1/system/version|GET /api/v1/system/app-versions|POST /api/v1/ai/generate-tags
GET /api/v1/system/open/version|GET /api/v1/system/open/app-versions|GET /api/v1/system/open/config
GET /api/v1/memos/poll
GET /api/v1/ai/tools|POST /api/v1/ocr/parse|POST /api/v1/ocr/parse-full|GET /api/v1/ocr/status|GET /api/v1/ocr/providers
POST /api/v1/asr/transcribe|GET /api/v1/asr/task/{}|GET /api/v1/asr/wait/{}|GET /api/v1/asr/result/{}
POST /api/v1/asr/transcribe-and-wait|GET /api/v1/debug/ba/schema|GET /api/v1/debug/ba/data
POST /api/v1/memos/search|GET /api/v1/health
"""


# Pages about the API, its figures, and paths that read like a memo called "public".
UNDOCUMENTED = """
GET /api/v1/openapi.json|GET /api/v1/docs|GET /metrics|GET /api/v1/memos/public|PUT /api/v1/memos/public
DELETE /api/v1/memos/public|GET /api/v1/memos/public/related|GET /api/v1/memos/public/backlinks
PUT /api/v1/memos/public/tags
"""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(CONTROLLERS, DEPENDENCIES)


def operations(described: dict[str, Any]) -> set[str]:
    return {
        f"{method.upper()} {re.sub(r'{[^}]+}', '{}', path)}"
        for path, methods in described["paths"].items()
        for method in methods
    }


def listed(routes: str) -> set[str]:
    return {route.strip() for line in routes.strip().splitlines() for route in line.split("|")}


def fields(schema: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{where}.{name}", field


def test_every_route_of_the_contract_is_documented(described: dict[str, Any]) -> None:
    assert sorted(listed(CONTRACT) - operations(described)) == []


def test_every_route_of_the_server_is_documented_and_no_other(described: dict[str, Any]) -> None:
    routes = Litestar(CONTROLLERS, dependencies=DEPENDENCIES, openapi_config=None, logging_config=None).routes
    served = {
        f"{method} {re.sub('{[^}]+}', '{}', route.path)}"
        for route in routes
        for method in getattr(route, "methods", ())
        if method != "OPTIONS"
    }
    assert served == operations(described) | listed(UNDOCUMENTED)


def test_every_struct_of_a_request_or_answer_is_documented_with_all_its_fields(described: dict[str, Any]) -> None:
    modules = [importlib.import_module(f"aimo.dto.{found.name}") for found in pkgutil.iter_modules(aimo.dto.__path__)]
    structs = {
        struct
        for module in modules
        for struct in vars(module).values()
        if isinstance(struct, type) and issubclass(struct, Dto) and struct is not Dto
    }
    schemas = described["components"]["schemas"]
    documented = {name: set(schema["properties"]) for name, schema in schemas.items()}
    assert len(structs) > 80
    assert {
        one.__name__ for one in structs if documented.get(one.__name__) != set(one.__struct_encode_fields__)
    } == set()
    assert [
        name for name, schema in schemas.items() if not schema["description"] or "contract" in schema["description"]
    ] == []


def test_every_field_is_described(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    found = [pair for name, schema in schemas.items() for pair in fields(schema, name)]
    assert len(found) > 150
    assert [where for where, field in found if not field.get("description")] == []


def test_every_operation_says_what_it_does(described: dict[str, Any]) -> None:
    silent = [
        f"{method} {path}"
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if not operation.get("summary") or not operation.get("description")
    ]
    assert silent == []


def test_running_server_serves_what_it_documents(
    module_server: Callable[..., Server], described: dict[str, Any]
) -> None:
    running = module_server()
    user = running.user()
    served = user.get("/openapi.json").envelope
    assert served == described
    for route in operations(served):
        method, path = route.replace("{}", "none").split()
        answer = user.request(method, path.removeprefix("/api/v1"), {}) if path.startswith("/api/v1") else None
        if answer is None:
            continue
        assert answer.headers["content-type"].split(";")[0] in ("application/json", "text/event-stream"), route


# Scripts inside of the page, and whatever is not below this server's own /assets.
ELSEWHERE = r"<script(?![^>]+src=\"/assets/)|<link[^>]+href=\"(?:https?:)?//|@import|url\(|src=[\"'](?:https?:)?//"


def test_pages_load_nothing_from_elsewhere(module_server: Callable[..., Server]) -> None:
    running = module_server()
    client = running.client()
    for path in ("/", "/api/v1/docs"):
        page = client.http.get(path)
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert re.findall(ELSEWHERE, page.text) == [], path
