"""What clients see when the database cannot answer: the text that the contract has for each route."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.support.client import Client
from tests.support.server import Server
from tests.support.stub import Stub

MACHINE = {"BA_AUTH_ENABLED": "true", "BA_AUTH_TOKEN": "machine"}


@pytest.fixture(scope="module")
def running(module_server: Callable[..., Server], module_stub: Stub) -> Server:
    return module_server(**module_stub.settings(), **MACHINE)


@pytest.fixture(scope="module")
def alice(running: Server) -> Client:
    return running.user()


@contextmanager
def unreadable(server: Server, table: str) -> Iterator[None]:
    """Hide a table from the server."""
    path = server.data_dir / "aimo.db"

    def rename(old: str, new: str) -> None:
        with sqlite3.connect(path, timeout=10) as database:
            database.execute("PRAGMA legacy_alter_table = ON")
            database.execute(f"ALTER TABLE {old} RENAME TO {new}")
        database.close()

    rename(table, "hidden")
    try:
        yield
    finally:
        rename("hidden", table)


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", "", None, "Failed to get conversations"),
        ("POST", "", {"title": "t"}, "Failed to create conversation"),
        ("GET", "/{id}", None, "Failed to get conversation"),
        ("PUT", "/{id}", {"title": "t"}, "Failed to update conversation"),
        ("DELETE", "/{id}", None, "Failed to delete conversation"),
        ("POST", "/{id}/messages", {"role": "user", "content": "c"}, "Failed to add message"),
    ],
)
def test_conversations_say_what_failed(
    running: Server, alice: Client, method: str, path: str, body: object, told: str
) -> None:
    made = alice.post("/explore/conversations", {}).data["conversation"]
    path = "/explore/conversations" + path.format(id=made["conversationId"])
    with unreadable(running, "ai_conversations"):
        answer = alice.request(method, path, body)
    assert (answer.status, answer.code, answer.message) == (200, 2000, told)


@pytest.mark.parametrize(
    ("table", "path", "body", "told"),
    [
        ("memos", "/explore/quick-search", {"query": "budget"}, (1, "Search failed")),
        ("tags", "/ai/generate-tags", {"content": "budget"}, (1, "Failed to generate tags")),
        ("tags", "/tags", {"name": "t"}, (2000, "数据库错误")),
    ],
)
def test_other_routes_have_their_own_failure(
    running: Server, alice: Client, table: str, path: str, body: object, told: tuple[int, str]
) -> None:
    assert alice.post("/memos", {"content": "budget"}).code == 0
    with unreadable(running, table):
        answer = alice.post(path, body)
    assert (answer.code, answer.message) == told


def test_machines_are_told_of_a_failure_of_the_system(running: Server) -> None:
    machine = Client(running.url)
    machine.token = "machine"
    upload = {"file": ("x.txt", b"x", "text/plain")}
    with unreadable(running, "users"):
        answer = machine.post("/attachments/ba/upload?uid=u1", files=upload)
    assert (answer.status, answer.code, answer.message) == (200, 1, "系统错误")
