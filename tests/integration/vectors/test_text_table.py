from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aimo.folding import fold
from aimo.vectors.store import VectorStore
from aimo.vectors.text_table import TextTable

TEXTS = {
    "mysql": "Installing MySQL 8 on a server",
    "percent": "It is 100% done, file_name.txt",
    "quotes": 'She said "it\'s fine" \\ or `not`',
    "chinese": "今天在东京大学图书馆学习数据库",
    "full width": "ＦＵＬＬ　ＷＩＤＴＨ",
    "emoji": "party 🎉 with 👨‍👩‍👧",
    "smile": "party 😀",
    "operators": "cats AND dogs OR (birds) NOT fish +a -b ~c ^2 *",
    "lines": "first line\nsecond line\ttab",
    "german": "Die Straße",
    "empty": "",
}


@pytest.fixture
async def texts(store: VectorStore) -> TextTable:
    await store.memo_texts.upsert([(name, "u", text) for name, text in TEXTS.items()])
    await store.memo_texts.upsert([("foreign", "v", "MySQL 100% 东京 🎉 everything")])
    return store.memo_texts


async def test_several_lists_of_terms_are_answered_as_if_asked_one_by_one(texts: TextTable) -> None:
    lists = [["cats AND dogs"], ["OR", "(BIRDS)"], ["a"]]
    assert [set(found) for found in await texts.ids_containing_each_list("u", lists)] == [
        set(await texts.containing("u", terms)) for terms in lists
    ]
    assert await texts.ids_containing_each_list("u", [["100%", "file_name"], ["100%"]]) == [["percent"], ["percent"]]


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (["mysql"], {"mysql"}),
        (["MYSQL", "server"], {"mysql"}),
        (["mysql", "chinese"], set()),
        (["100%"], {"percent"}),
        (["0% d"], {"percent"}),
        (["e_n"], {"percent"}),
        (["it's"], {"quotes"}),
        (['"it\'s fine"'], {"quotes"}),
        (["\\"], {"quotes"}),
        (["`"], {"quotes"}),
        (["京大"], {"chinese"}),
        (["学"], {"chinese"}),
        (["东京大学", "数据"], {"chinese"}),
        (["full width"], {"full width"}),
        (["ｗｉｄ"], {"full width"}),
        (["🎉"], {"emoji"}),
        (["😀"], {"smile"}),
        (["party"], {"emoji", "smile"}),
        (["AND"], {"operators"}),
        (["(birds)"], {"operators"}),
        (["line\nsecond"], {"lines"}),
        (["STRASSE"], {"german"}),
        (["x"], {"percent"}),
        (["nowhere"], set()),
        (["%"], {"percent"}),
        (["' OR '1'='1"], set()),
    ],
)
async def test_every_literal_part_is_found_and_nothing_else(
    texts: TextTable, terms: list[str], found: set[str]
) -> None:
    assert set(await texts.containing("u", terms)) == found


async def test_indexed_or_not_makes_no_difference(store: VectorStore, texts: TextTable) -> None:
    terms = ["e", "t", "京", "100%", "MySQL", "🎉", " "]
    before = [sorted(await texts.containing("u", [term])) for term in terms]
    ranked = [sorted(await texts.ranked("u", term, 100)) for term in terms]
    await store.optimize()
    assert [sorted(await texts.containing("u", [term])) for term in terms] == before
    assert [sorted(await texts.ranked("u", term, 100)) for term in terms] == ranked


async def test_a_common_word_is_found_in_every_text_however_many(store: VectorStore) -> None:
    rows = [(f"m{i}", "u", f"memo number {i} 笔记") for i in range(3000)]
    await store.memo_texts.upsert(rows)
    assert len(await store.memo_texts.containing("u", ["笔"])) == 3000
    await store.optimize()
    assert len(await store.memo_texts.containing("u", ["o", "笔记"])) == 3000


async def test_no_terms_means_no_condition(texts: TextTable) -> None:
    assert set(await texts.containing("u", [])) == set(TEXTS)
    assert set(await texts.containing("u", [""])) == set(TEXTS)


async def test_texts_just_written_are_found_and_old_ones_are_not(store: VectorStore, texts: TextTable) -> None:
    await store.optimize()
    await texts.upsert([("mysql", "u", "now about PostgreSQL"), ("new", "u", "brand new 新的")])
    assert await texts.containing("u", ["mysql"]) == []
    assert await texts.containing("u", ["postgres"]) == ["mysql"]
    assert await texts.containing("u", ["新"]) == ["new"]
    assert (await texts.ranked("u", "brand new", 5))[0] == "new"
    assert (await texts.ranked("u", "postgresql", 5))[0] == "mysql"
    await texts.delete(["new"])
    assert await texts.containing("u", ["新"]) == []
    assert "new" not in await texts.ranked("u", "brand new", 20)


@pytest.mark.parametrize("indexed", [False, True])
async def test_the_text_that_fits_best_is_ranked_first(store: VectorStore, indexed: bool) -> None:
    await store.memo_texts.upsert(
        [
            ("both", "u", "a recipe for tomato soup with basil"),
            ("tomato", "u", "buy tomatoes and bread"),
            ("other", "u", "quarterly report numbers"),
            ("中", "u", "周末去看樱花和红叶"),
            ("foreign", "v", "tomato soup tomato soup"),
        ]
    )
    if indexed:
        await store.optimize()
    assert (await store.memo_texts.ranked("u", "Tomato Soup", 10))[0] == "both"
    assert (await store.memo_texts.ranked("u", "樱花", 10))[0] == "中"
    assert "foreign" not in await store.memo_texts.ranked("u", "tomato soup", 10)
    assert len(await store.memo_texts.ranked("u", "tomato soup", 2)) == 2
    assert await store.memo_texts.ranked("u", "tomato", 0) == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "\t\n",
        '"',
        "'",
        '"unbalanced',
        "AND",
        "a AND",
        "OR NOT",
        "((",
        "a:b",
        "+",
        "-",
        "*",
        "?",
        "~",
        "^",
        "\\",
        "[a TO b]",
        "{",
        "/regex/",
        "!!!???",
        "。，！",
        "\u0301",
        "\u200b",
        "😀",
        "\ud800",
        "a\ud83d",
        "{}",
        '{"match": 1}',
        "x" * 5000,
        "字" * 5000,
    ],
)
async def test_any_query_can_be_ranked(texts: TextTable, query: str) -> None:
    assert set(await texts.ranked("u", query, 10)) <= set(TEXTS)
    assert set(await texts.containing("u", [query])) <= set(TEXTS)


ALPHABET = "aAeé 中京大😀'\"%_\\`-(ﬁßİＡ\n"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(ALPHABET, max_size=12), min_size=1, max_size=8),
    terms=st.lists(st.text(ALPHABET, min_size=1, max_size=3), min_size=1, max_size=3),
)
def test_what_is_found_is_exactly_what_contains_every_term(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], terms: list[str]
) -> None:
    async def check(folder: Path) -> None:
        store = await VectorStore.open(folder, model="m", dimension=8)
        await store.raise_fence()
        await store.memo_texts.upsert([(str(i), "u", text) for i, text in enumerate(texts)])
        wanted = {str(i) for i, text in enumerate(texts) if all(fold(term) in fold(text) for term in terms)}
        assert set(await store.memo_texts.containing("u", terms)) == wanted
        await store.close()

    asyncio.run(check(tmp_path_factory.mktemp("texts") / "lancedb"))
