"""What operators see of the tables, and what they never see."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.support.client import Client
from tests.support.server import Server

from aimo.config import Settings
from aimo.dto.explore import MessageBody
from aimo.dto.memos import MemoBody
from aimo.dto.push_rules import PushRuleBody
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError, Code
from aimo.runtime import Runtime

Make = Callable[..., Settings]
RELATIONAL = [
    "users",
    "memos",
    "memo_relations",
    "categories",
    "tags",
    "attachments",
    "ai_conversations",
    "ai_messages",
    "daily_recommendations",
    "push_rules",
    "table_migrations",
]
LANCE = ["memo_vectors", "attachment_vectors", "memo_texts", "embedding_cache", "multimodal_embedding_cache"]


async def test_every_table_is_shown_under_the_contracts_names(
    settings: Make, migrated_database: dict[str, str]
) -> None:
    async with Runtime(settings(**migrated_database, EMBEDDER="local")) as runtime:
        services = runtime.services
        body = RegisterBody(email="a@example.test", password="Passw0rd-test")
        uid = (await services.accounts.register(body)).uid
        first = (await services.memos.create(uid, MemoBody(content="hi", tags=["t"], created_at=-5))).memo_id
        await services.memos.create(uid, MemoBody(content="there", relation_ids=[first]))
        talk = (await services.conversations.create(uid, "talk")).conversation_id
        await services.conversations.add(
            uid, talk, msgspec.convert({"role": "user", "content": "x", "sources": [{"memoId": first}]}, MessageBody)
        )
        await services.recommendations.daily(uid)
        channel = {"type": "feishu", "webhookUrl": "https://example.org/hook-secret", "secret": "hush"}
        rule = {"name": "r", "pushTime": 8, "contentType": "daily_pick", "channels": [channel]}
        await services.push_rules.create(uid, msgspec.convert(rule, PushRuleBody))
        shown: dict[str, Any] = {}
        for table in (*RELATIONAL, *LANCE):
            fields = services.table_browser.schema(table).fields
            page = await services.table_browser.rows(table, 1, 1000)
            shown[table] = page.data
            assert page.count == len(page.data)
            assert all(list(row) == [field.name for field in fields] for row in page.data)
        types = {field.name: field.type for field in services.table_browser.schema("memos").fields}
        vector = services.table_browser.schema("memo_vectors").fields[2]
        second = await services.table_browser.rows("memos", 2, 1)
    everything = json.dumps(shown)
    for secret in ("$2b$", "hush", "hook-secret", "salt", "password", "channels"):
        assert secret not in everything
    memo = next(row for row in shown["memos"] if row["memoId"] == first)
    assert (memo["content"], memo["createdAt"], memo["isPublic"]) == ("hi", -5, False)
    assert memo["tagIds"] == [shown["tags"][0]["tagId"]]
    assert shown["push_rules"][0]["enabled"] == 1
    assert shown["ai_messages"][0]["sources"] == [{"memoId": first}]
    assert len(shown["memo_vectors"][0]["embedding"]) == 512
    assert isinstance(shown["embedding_cache"][0]["createdAt"], int)
    assert types["createdAt"] == "Timestamp<MILLISECOND>"
    assert types["tagIds"] == "List<Utf8>"
    assert types["isPublic"] == "Bool"
    assert (vector.name, vector.type) == ("embedding", "FixedSizeList[512]<Float32>")
    assert (second.offset, second.count, second.page) == (1, 1, 2)


@pytest.mark.parametrize(
    ("table", "page", "size", "code", "reason"),
    [
        ("", 1, 10, Code.PARAMS_ERROR, "Table name is required"),
        ("memos", 0, 10, Code.PARAMS_ERROR, "Page must be >= 1"),
        ("memos", float("nan"), 10, Code.PARAMS_ERROR, "Page must be >= 1"),
        ("memos", 1, 0, Code.PARAMS_ERROR, "PageSize must be between 1 and 1000"),
        ("memos", 1, 1001, Code.PARAMS_ERROR, "PageSize must be between 1 and 1000"),
        ("leases", 1, 10, Code.NOT_FOUND, "Table 'leases' not found or error: "),
        ("memos; DROP TABLE memos", 1, 10, Code.NOT_FOUND, "Table 'memos; DROP TABLE memos' not found or error: "),
    ],
)
async def test_impossible_requests_say_why(
    settings: Make, table: str, page: float, size: float, code: Code, reason: str
) -> None:
    async with Runtime(settings(EMBEDDER="local"), worker=False) as runtime:
        with pytest.raises(AimoError) as refused:
            await runtime.services.table_browser.rows(table, page, size)
    assert refused.value.code is code
    assert refused.value.message.startswith(reason)


def test_tables_are_shown_with_the_machine_token_only(server: Callable[..., Server]) -> None:
    one = server(BA_AUTH_ENABLED="true", BA_AUTH_TOKEN="machine", EMBEDDER="local")
    client: Client = one.client()
    assert client.get("/debug/ba/schema", table="users").status == 401
    assert one.user().get("/debug/ba/data", table="users").status == 401
    client.token = "machine"
    assert client.get("/debug/ba/data", table="users", page=1).data["pageSize"] == 10
    assert client.get("/debug/ba/data", table="users", page="x").status == 400
    assert client.get("/debug/ba/data").message == "Table name is required"
    # A page far beyond the end is empty, whatever the database thinks of the number.
    for far in ("1e300", "Infinity", "5e15"):
        for table in ("users", "memo_vectors"):
            assert client.get("/debug/ba/data", table=table, page=far).data["data"] == []


def test_tables_are_hidden_while_no_token_is_configured(server: Callable[..., Server]) -> None:
    client: Client = server(EMBEDDER="local").client()
    client.token = ""
    answer = client.get("/debug/ba/schema", table="users")
    assert answer.status == 401
