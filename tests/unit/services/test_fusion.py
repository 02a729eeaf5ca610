from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimo.folding import fold
from aimo.services.search.hybrid_ranking import fuse, lookups, query_terms


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("MySQL", ["mysql"]),
        ("knee  pain", ["knee", "pain"]),
        ("数据库　迁移", ["数据库", "迁移"]),
        ("怎么保持绿色?", ["怎么保持绿色"]),
        ("爸爸的生日是哪天？送什么礼物？", ["爸爸的生日是哪天", "送什么礼物"]),
        ("“Docker”，《镜像》", ["docker", "镜像"]),
        ("Docker镜像", ["docker", "镜像"]),
        ("B站", ["b站"]),
        ("5月体检", ["5月体检"]),
        ("v1.2", ["v1.2"]),
        ("100%", ["100%"]),
        ("C++", ["c++"]),
        ("ＭｙＳＱＬ", ["mysql"]),
        ("Ｄｏｃｋｅｒ镜像", ["docker", "镜像"]),
        ("Docker\u200b镜像", ["docker", "镜像"]),
        ("ﾃｽﾄ､ﾒﾓ｡", ["テスト", "メモ"]),
        ("soft\u00adware \u200b update", ["software", "update"]),
        ("鱼", ["鱼"]),
        ("?", ["?"]),
        ("a cat", ["cat"]),
        ("git git", ["git"]),
    ],
)
def test_terms_of_a_query(query: str, terms: list[str]) -> None:
    assert query_terms(query) == terms


def test_whole_query_is_looked_up_before_its_terms() -> None:
    assert lookups(" knee pain ") == [["knee pain"], ["knee", "pain"]]
    assert lookups("MySQL") == [["MySQL"]]
    assert lookups("鱼") == [["鱼"]]
    assert lookups(" \n") == []
    assert lookups("\u200b \ufe0f") == []


def test_a_long_text_is_not_taken_apart() -> None:
    assert len(lookups(" ".join(f"word{n}" for n in range(200)))) == 1


@given(st.text(min_size=1), st.text(), st.text())
def test_memo_that_contains_the_query_contains_its_terms(query: str, before: str, after: str) -> None:
    content = fold(query)
    assert all(fold(term) in content for terms in lookups(query) for term in terms)
    assert all(term for terms in lookups(before + query + after) for term in terms)


def test_literal_matches_come_first_in_semantic_order() -> None:
    semantic = [("a", 0.9), ("b", 0.8), ("c", 0.3), ("d", 0.1)]
    assert [m.id for m in fuse(semantic, [{"d", "c"}])] == ["c", "d", "a", "b"]


def test_whole_query_beats_scattered_terms() -> None:
    semantic = [("a", 0.9), ("b", 0.8), ("c", 0.3)]
    assert [m.id for m in fuse(semantic, [["c"], ["c", "b"]])] == ["c", "b", "a"]


def test_partial_matches_only_break_ties_and_fill_up() -> None:
    semantic = [("a", 0.5), ("b", 0.4), ("c", 0.4)]
    assert [m.id for m in fuse(semantic, [[]], ["x", "c", "a", "y"])] == ["a", "c", "b", "x", "y"]


def test_memo_without_a_vector_is_found_by_its_words() -> None:
    found = fuse([("a", 0.5)], [["new"]])
    assert found == [("new", "text"), ("a", "semantic")]


def test_literal_matches_that_nothing_tells_apart_come_last_of_theirs() -> None:
    found = fuse([("a", 0.9), ("b", 0.2)], [["whole"], ["some", "b", "whole"]], ["word", "some"])
    assert [match.id for match in found] == ["whole", "b", "some", "a", "word"]


def test_match_says_what_found_it() -> None:
    found = dict(fuse([("a", 0.5), ("b", 0.1), ("c", 0.4)], [["a", "b"]], ["x"], relevant=0.2))
    assert found == {"a": "both", "b": "text", "c": "semantic", "x": "text"}


def test_no_input_gives_no_matches() -> None:
    assert fuse([], []) == []


IDS = st.sampled_from("abcdefgh")


@given(
    st.lists(st.tuples(IDS, st.floats(-1, 1)), unique_by=lambda hit: hit[0]),
    st.lists(st.lists(IDS), max_size=2),
    st.lists(IDS, unique=True),
)
def test_every_found_memo_appears_once(
    semantic: list[tuple[str, float]], literal: list[list[str]], partial: list[str]
) -> None:
    found = [match.id for match in fuse(semantic, literal, partial)]
    expected = {memo_id for memo_id, _ in semantic} | {i for tier in literal for i in tier} | set(partial)
    assert len(found) == len(expected)
    assert set(found) == expected


def test_a_query_of_megabytes_is_read_in_no_time() -> None:
    query = " ".join(f"word{number}" for number in range(200_000))
    began = time.process_time()
    assert len(query_terms(query)) == 17
    assert lookups(query) == [[query]]
    assert time.process_time() - began < 3
