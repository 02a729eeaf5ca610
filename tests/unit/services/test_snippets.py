from __future__ import annotations

import time

import pytest

from aimo.services.search.snippets import snippet


def shown(content: str, *terms: str) -> tuple[str, list[str]]:
    """The text, and what of it is marked."""
    made = snippet(content, terms)
    encoded = made.text.encode("utf-16-le")
    return made.text, [encoded[2 * left : 2 * right].decode("utf-16-le") for left, right in made.marks]


def test_terms_are_marked_as_they_are_written() -> None:
    assert shown("Ｔｅａ with a ﬁne 🎉 cake, tea again", "tea", "fine", "cake") == (
        "Ｔｅａ with a ﬁne 🎉 cake, tea again",
        ["Ｔｅａ", "ﬁne", "cake", "tea"],
    )


def test_overlapping_terms_make_one_mark() -> None:
    assert shown("mountaineer", "mountain", "taineer")[1] == ["mountaineer"]


def test_without_a_term_it_is_the_beginning() -> None:
    content = "nothing of it " * 50
    assert shown(content, "tea") == (content[:160], [])
    assert shown(content, "") == (content[:160], [])
    assert shown(content, "x" * 161) == (content[:160], [])


@pytest.mark.parametrize("before", [0, 119, 120, 121, 4095, 4096, 4097, 4100, 12_345, 199_000])
def test_the_first_place_of_a_term_is_shown_wherever_it_is(before: int) -> None:
    content = "-" * before + "雪山" + "+" * 300 + "雪山"
    text, marked = shown(content, "雪山")
    assert marked == ["雪山"]
    assert text in content
    assert text.index("雪山") == (before if before <= 120 else 40)


@pytest.mark.parametrize("where", [0, 100_000, 3_000_000])
def test_memos_of_megabytes_take_no_time(where: int) -> None:
    content = "é" * where + " Tea " + "é" * (8_000_000 - where)
    began = time.process_time()
    text, marked = shown(content, "tea", "x" * 2_000_000)
    assert time.process_time() - began < 0.2
    assert marked == (["Tea"] if where < 200_000 else [])
    assert len(text) == 160
