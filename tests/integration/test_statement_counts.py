"""A page of memos costs a fixed number of SQL statements, as the database itself counts them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.support.client import Answer, Client
from tests.support.mariadb import MariaDB
from tests.support.seeding import SECRET, Plot, token
from tests.support.server import Server
from tests.support.stub import Stub

from aimo import config

DIMENSION = 64
MODEL = "text-embedding-3-small"
FEW, MANY = 10, 10_000
MOST = 6
PAGE = 20

# What the server asks by itself, whether or not anybody makes a request.
_BACKGROUND = ("outbox_entries", "leases", "SELECT CURRENT_TIMESTAMP", "SET SESSION", "push_rules")


@dataclass(frozen=True)
class Owner:
    """A user, and a memo of theirs that others refer to and that refers to others, where there are such."""

    uid: str
    memo_id: str
    memos: int
    rich: bool


@dataclass(frozen=True)
class House:
    """A server with its users, and the database that counts."""

    server: Server
    mariadb: MariaDB
    database: str
    owners: list[Owner]

    def client(self, owner: Owner) -> Client:
        """A client of this user."""
        client = self.server.client()
        client.token = token(owner.uid)
        return client

    def statements(self, request: Callable[[], Answer]) -> tuple[list[str], Answer]:
        """The statements of a request, without the one that knows the user again; the fewest of three times.

        Background work of the same moment can only add some.
        """
        least: tuple[list[str], Answer] | None = None
        for _ in range(3):
            self.mariadb.execute("TRUNCATE mysql.general_log")
            answer = request()
            found = self._logged()
            if least is None or len(found) < len(least[0]):
                least = found, answer
        assert least is not None
        return least

    def _logged(self) -> list[str]:
        # The answer may be here a moment before the log is.
        time.sleep(0.02)
        logged = self.mariadb.execute(
            "SELECT argument FROM mysql.general_log WHERE command_type IN ('Query', 'Execute', 'Prepare')"
            " AND user_host LIKE CONCAT(%s, '[%%') ORDER BY event_time",
            self.database,
        )
        texts = [text.decode() if isinstance(text, bytes) else str(text) for (text,) in logged]
        return [text for text in texts if not any(name in text for name in _BACKGROUND) and not _identifies(text)]


def _identifies(text: str) -> bool:
    """Whether a statement is the authentication's."""
    return text.startswith("SELECT users.uid, users.email, users.nickname") and "avatar" not in text


@pytest.fixture(scope="module")
def house(
    mariadb: MariaDB,
    mysql_template: str,
    module_server: Callable[..., Server],
    module_stub: Stub,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """Four users: with few memos or many, plain ones or with tags, files and references."""
    plot, owners = Plot(), []
    random = np.random.default_rng(7)
    for memos in (FEW, MANY):
        for rich in (False, True):
            owners.append(_plan(plot, random, memos, rich))
    folder = tmp_path_factory.mktemp("planted")
    database = mariadb.create_database(like=mysql_template)
    lower = {name.lower(): value for name, value in database.items()}
    settings = config.load(_env_file=None, aimo_data_dir=folder, **lower)
    asyncio.run(plot.plant(settings, model=MODEL, dimension=DIMENSION))
    # Counting questions takes a transaction of its own, which has nothing to do with memos.
    variables = module_stub.settings() | {"OPENAI_EMBEDDING_DIMENSIONS": str(DIMENSION), "USER_EXPLORE_PER_HOUR": "0"}
    running = module_server(**database, **variables, AIMO_DATA_DIR=str(folder), JWT_SECRET=SECRET)
    mariadb.execute("SET GLOBAL log_output = 'TABLE'")
    mariadb.execute("SET GLOBAL general_log = ON")
    try:
        yield House(running, mariadb, database["MYSQL_DATABASE"], owners)
    finally:
        mariadb.execute("SET GLOBAL general_log = OFF")


def _plan(plot: Plot, random: np.random.Generator, memos: int, rich: bool) -> Owner:
    uid = plot.user()
    vectors = random.standard_normal((memos, DIMENSION), dtype=np.float32)
    categories = [plot.category(uid, f"category {n}") for n in range(3)] if rich else []
    tags = [plot.tag(uid, f"tag {n}") for n in range(9)] if rich else []
    files = [plot.attachment(uid) for _ in range(50)] if rich else []
    planted: list[str] = []
    for number, vector in enumerate(vectors):
        more: dict[str, Any] = {}
        if rich:
            more = {
                "category_id": categories[number % 3],
                "tag_ids": [tags[number % 9], tags[(number + 4) % 9]],
                "attachments": [files[number % 50], files[(number + 1) % 50]],
            }
        moment = 1_700_000_000_000 + number * 1000
        planted.append(plot.memo(uid, f"memo {number} 咖啡", vector, created_at=moment, public=True, **more))
    for place, source in enumerate(planted) if rich else ():
        # Everybody refers to the first and second memo, these two to others.
        for target in (0, 1) if place > 1 else (2 + place, 4 + place):
            plot.relation(uid, source, planted[target])
    return Owner(uid, planted[0], memos, rich)


LATEST = "1700000000000"
VECTOR = {"query": "咖啡 in the morning", "limit": PAGE}
REQUESTS: dict[str, Callable[[Client, Owner], Answer]] = {
    "list": lambda client, owner: client.get("/memos", limit=PAGE),
    "list of a date": lambda client, owner: client.get("/memos", limit=PAGE, startDate=LATEST),
    "list of a word": lambda client, owner: client.get("/memos", limit=PAGE, search="咖啡"),
    "get": lambda client, owner: client.get(f"/memos/{owner.memo_id}"),
    "vector search": lambda client, owner: client.post("/memos/search/vector", VECTOR),
    "vector search of a date": lambda client, owner: client.post(
        "/memos/search/vector", {**VECTOR, "startDate": int(LATEST)}
    ),
    "hybrid search": lambda client, owner: client.post("/memos/search", VECTOR),
    "hybrid search of a date": lambda client, owner: client.post("/memos/search", {**VECTOR, "startDate": int(LATEST)}),
    "explore": lambda client, owner: client.post("/explore", {"query": "咖啡"}),
    "related": lambda client, owner: client.get(f"/memos/{owner.memo_id}/related", limit=PAGE),
    "backlinks": lambda client, owner: client.get(f"/memos/{owner.memo_id}/backlinks", limit=PAGE),
    "public": lambda client, owner: client.get(f"/memos/public/{owner.uid}", limit=PAGE),
    "public one": lambda client, owner: client.get(f"/memos/public/memo/{owner.memo_id}"),
    "random public": lambda client, owner: client.get(f"/memos/public/{owner.uid}/random"),
}
TAGGED: dict[str, Callable[[Client, Owner], Answer]] = {
    "list of tags": lambda client, owner: client.get("/memos", limit=PAGE, tags=["tag 0", "TAG 4"]),
    "list of category, tag, word": lambda client, owner: client.get(
        "/memos", limit=PAGE, tags="tag 0", search="咖啡", categoryId="__uncategorized__", startDate=LATEST
    ),
    "hybrid search of a tag": lambda client, owner: client.post("/memos/search", {**VECTOR, "tags": ["tag 0"]}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_statements_do_not_grow_with_memos(house: House, name: str) -> None:
    """The same number for ten memos as for ten thousand, plain or rich; never more than six."""
    counts = {}
    for owner in house.owners:
        client = house.client(owner)
        statements, answer = house.statements(partial(REQUESTS[name], client, owner))
        assert answer.data
        assert 0 < len(statements) <= MOST, "\n".join(statements)
        counts[owner.memos, owner.rich] = len(statements)
    assert counts[FEW, True] == counts[MANY, True], counts
    assert counts[FEW, False] == counts[MANY, False], counts
    assert counts[FEW, False] <= counts[FEW, True], counts


@pytest.mark.parametrize("name", TAGGED)
def test_filters_by_tag_keep_the_bound(house: House, name: str) -> None:
    """Looking up tags by name is one statement more, still within the six."""
    counts = set()
    for owner in house.owners:
        if owner.rich:
            client = house.client(owner)
            statements, _ = house.statements(partial(TAGGED[name], client, owner))
            assert 0 < len(statements) <= MOST, "\n".join(statements)
            counts.add(len(statements))
    assert len(counts) == 1, counts


def test_pages_are_full_and_rich(house: House) -> None:
    """The pages counted above hold what they should: twenty memos with all that goes with them."""
    large = next(owner for owner in house.owners if owner.rich and owner.memos == MANY)
    page = house.client(large).get("/memos", limit=PAGE).data
    assert page["pagination"]["total"] == MANY
    assert len(page["items"]) == PAGE
    for memo in page["items"]:
        assert len(memo["tags"]) == 2
        assert len(memo["attachments"]) == 2
        assert len(memo["relations"]) == 2
    found = house.client(large).post("/memos/search", VECTOR).data
    assert len(found["items"]) == PAGE


def test_an_answer_over_many_memos_cites_ones_own_alone(house: House) -> None:
    """Four users have the same texts; each gets ten sources, and each of these can be read by who asked."""
    for owner in house.owners:
        client = house.client(owner)
        sources = client.post("/explore", {"query": "咖啡"}).data["sources"]
        assert len({source["memoId"] for source in sources}) == FEW
        assert {client.get(f"/memos/{source['memoId']}").data["uid"] for source in sources} == {owner.uid}


def test_counting_sees_what_goes_past_sqlalchemy(house: House) -> None:
    """The count is not blind: the list's statements are the ones of the database's own log."""
    large = next(owner for owner in house.owners if owner.rich and owner.memos == MANY)
    client = house.client(large)
    statements, _ = house.statements(lambda: client.get("/memos", limit=PAGE))
    text = "\n".join(statements)
    for table in ("memos", "tags", "attachments", "memo_relations"):
        assert f"FROM {table}" in text, text
