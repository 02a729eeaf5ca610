"""A filtered search answers exactly what comparing every memo by hand answers, over all pages."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support import fake_openai
from tests.support.client import Client
from tests.support.seeding import SECRET, Plot, token
from tests.support.server import Server
from tests.support.stub import Stub

from aimo import config

DIMENSION = 48
MODEL = "text-embedding-3-small"
MEMOS, USERS = 5000, 20
FIRST, DAY = 1_600_000_000_000, 86_400_000
DAYS = 300
PAGE = 30

# No memo shares as much as a letter with it, so that only meaning decides.
QUERY = "山中晨雾"
# A tenth of the memos contain this word, and come first.
WORD = "pear"


@dataclass
class ExpectedMemo:
    """One memo as the test knows it."""

    memo_id: str
    category: str | None
    tags: frozenset[str]
    created_at: int
    has_word: bool
    vector: Any
    has_files: bool


@dataclass
class World:
    """A server and everything that it should know, by user."""

    server: Server
    memos: dict[str, list[ExpectedMemo]]
    categories: dict[str, list[str]]
    clients: dict[str, Client] = field(default_factory=dict)

    def client(self, uid: str) -> Client:
        """A client of this user."""
        if uid not in self.clients:
            self.clients[uid] = self.server.client()
            self.clients[uid].token = token(uid)
        return self.clients[uid]


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def world(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    module_stub: Stub,
    tmp_path_factory: pytest.TempPathFactory,
    shared_database: Callable[[str], dict[str, str]],
) -> World:
    """Five thousand memos of twenty users, with all kinds of categories, tags and dates."""
    folder: Path = tmp_path_factory.mktemp("planted")
    database = shared_database(request.param)
    random = np.random.default_rng(11)
    plot = Plot()
    truths: dict[str, list[ExpectedMemo]] = {}
    categories: dict[str, list[str]] = {}
    shares = random.dirichlet(np.full(USERS, 1.5)) * MEMOS
    for share in shares:
        uid = plot.user()
        categories[uid] = [plot.category(uid, f"category {n}") for n in range(3)]
        tags = {name: plot.tag(uid, name) for name in ("red", "Green", "蓝色", 'a\'b "c" %_')}
        truths[uid] = [_memo(plot, random, uid, categories[uid], tags) for _ in range(max(5, round(share)))]
    settings = config.load(
        _env_file=None, aimo_data_dir=folder, **{name.lower(): value for name, value in database.items()}
    )
    asyncio.run(plot.plant(settings, model=MODEL, dimension=DIMENSION))
    variables = module_stub.settings() | {"OPENAI_EMBEDDING_DIMENSIONS": str(DIMENSION)}
    running = module_server(**database, **variables, AIMO_DATA_DIR=str(folder), JWT_SECRET=SECRET)
    return World(running, truths, categories)


def _memo(
    plot: Plot, random: np.random.Generator, uid: str, categories: list[str], tags: dict[str, str]
) -> ExpectedMemo:
    category = None if random.random() < 0.25 else str(random.choice(categories))
    chosen = [name for name in tags if random.random() < 0.4]
    moment = FIRST + int(random.integers(DAYS)) * DAY
    has_word = bool(random.random() < 0.1)
    # A few still wait for their vector.
    vector = None if random.random() < 0.03 else random.standard_normal(DIMENSION, dtype=np.float32)
    has_files = bool(random.random() < 0.3)
    memo_id = plot.memo(
        uid,
        f"memo {random.integers(10**9)} {WORD if has_word else 'plum'}",
        vector,
        category_id=category,
        tag_ids=[tags[name] for name in chosen],
        attachments=["file-of-nobody"] if has_files else [],
        created_at=moment,
    )
    return ExpectedMemo(memo_id, category, frozenset(chosen), moment, has_word, vector, has_files)


@dataclass(frozen=True)
class Filter:
    """Filters of a request, and what they mean."""

    category: str | None
    tags: tuple[str, ...]
    since: int | None
    until: int | None
    has_files: bool

    @property
    def body(self) -> dict[str, Any]:
        """As the routes take them."""
        named = {"categoryId": self.category, "tags": [*self.tags], "startDate": self.since, "endDate": self.until}
        named["hasAttachments"] = self.has_files or None
        return {name: value for name, value in named.items() if value not in (None, [])}

    def admits(self, memo: ExpectedMemo) -> bool:
        """Whether a memo meets them all."""
        wanted = None if self.category == "__uncategorized__" else self.category
        return (
            (self.category is None or memo.category == wanted)
            and {name.strip().casefold() for name in self.tags} <= {name.casefold() for name in memo.tags}
            and (self.since is None or memo.created_at >= self.since)
            and (self.until is None or memo.created_at <= self.until)
            and (memo.has_files or not self.has_files)
        )


def _filters(random: np.random.Generator, world: World, uid: str, *, tags: bool) -> Filter:
    first, last = sorted(FIRST + int(day) * DAY for day in random.integers(0, DAYS, 2))
    names = [(), (), ("RED",), (" green ", "red"), ("蓝色",), ('a\'b "c" %_',), ("red", "Green", "蓝色")]
    return Filter(
        category=[None, None, "__uncategorized__", *world.categories[uid]][random.integers(6)],
        tags=names[random.integers(len(names))] if tags else (),
        since=first if random.random() < 0.5 else None,
        until=last if random.random() < 0.5 else None,
        has_files=bool(random.random() < 0.3),
    )


def _similarities(memos: list[ExpectedMemo], query: str) -> dict[str, float]:
    target = np.array(fake_openai.embed(query, DIMENSION))
    target /= np.linalg.norm(target)
    embedded = [memo for memo in memos if memo.vector is not None]
    return {memo.memo_id: max(0.0, float(memo.vector @ target / np.linalg.norm(memo.vector))) for memo in embedded}


def _all_pages(client: Client, route: str, body: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The items of all pages, and the total that every page must agree on."""
    items: list[dict[str, Any]] = []
    totals = set()
    page = 1
    while True:
        data = client.post(route, {**body, "page": page, "limit": PAGE}).data
        totals.add(data["pagination"]["total"])
        items += data["items"]
        if len(data["items"]) < PAGE:
            assert len(totals) == 1, totals
            return items, totals.pop()
        page += 1


def _assert_ordered(items: list[dict[str, Any]], expected: dict[str, float]) -> None:
    """Best first, each with the similarity that comparing by hand gives; what has no vector comes last."""
    scores = [expected.get(item["memoId"], -1.0) for item in items]
    assert all(before >= after - 1e-5 for before, after in itertools.pairwise(scores)), scores
    for item in items:
        assert item["relevanceScore"] == pytest.approx(expected.get(item["memoId"], 0.0), abs=1e-4)


def test_vector_search_with_filters_is_exact(world: World) -> None:
    """Category, dates and both: the filtered set, all of it, nothing else, by similarity."""
    random = np.random.default_rng(1)
    sizes = []
    for uid in random.choice(list(world.memos), 30):
        wanted = _filters(random, world, uid, tags=False)
        expected = _similarities([memo for memo in world.memos[uid] if wanted.admits(memo)], QUERY)
        items, total = _all_pages(world.client(uid), "/memos/search/vector", {"query": QUERY, **wanted.body})
        assert [item["uid"] for item in items] == [uid] * len(items)
        assert total == len(items) == len(expected), wanted
        assert {item["memoId"] for item in items} == set(expected), wanted
        _assert_ordered(items, expected)
        sizes.append(total)
    assert max(sizes) > PAGE
    assert min(sizes) < PAGE


def test_vector_search_without_filters_is_exact(world: World) -> None:
    """Every memo that has a vector, of this user only, by similarity."""
    for uid in list(world.memos)[:3]:
        expected = _similarities(world.memos[uid], QUERY)
        items, total = _all_pages(world.client(uid), "/memos/search/vector", {"query": QUERY})
        assert total == len(items)
        assert {item["memoId"] for item in items} == set(expected)
        _assert_ordered(items, expected)


@pytest.mark.parametrize("query", [QUERY, WORD])
def test_hybrid_search_with_filters_is_exact(world: World, query: str) -> None:
    """The filtered set: first what contains the word, also without a vector, then the rest; each by similarity."""
    random = np.random.default_rng(2)
    for uid in random.choice(list(world.memos), 30):
        wanted = _filters(random, world, uid, tags=True)
        if not wanted.body:
            continue
        admitted = [memo for memo in world.memos[uid] if wanted.admits(memo)]
        literal = {memo.memo_id for memo in admitted if memo.has_word and query == WORD}
        expected = _similarities(admitted, query)
        items, total = _all_pages(world.client(uid), "/memos/search", {"query": query, **wanted.body})
        found = [item["memoId"] for item in items]
        assert [item["uid"] for item in items] == [uid] * len(items)
        assert total == len(found) == len(set(found)), wanted
        # Pieces of the word may also find memos that have no vector; they can only be admitted ones.
        assert set(expected) | literal <= set(found) <= {memo.memo_id for memo in admitted}, wanted
        assert set(found[: len(literal)]) == literal
        _assert_ordered(items[: len(literal)], expected)
        _assert_ordered(items[len(literal) :], expected)
        assert all(
            ("text" in item["matchedBy"]) == (item["memoId"] in literal)
            for item in items
            if expected.get(item["memoId"])
        )


def test_unknown_filters_find_nothing(world: World) -> None:
    """An unknown tag or category, and another user's category, match nothing and make nothing."""
    mine, theirs = list(world.memos)[:2]
    client = world.client(mine)
    for filters in (
        {"tags": ["never used"]},
        {"categoryId": "c00000000000000000000000"},
        {"categoryId": world.categories[theirs][0]},
        {"categoryId": "x' OR '1'='1"},
    ):
        data = client.post("/memos/search", {"query": QUERY, **filters}).data
        assert (data["items"], data["pagination"]["total"]) == ([], 0)
    assert len(client.get("/tags").data["tags"]) == 4
