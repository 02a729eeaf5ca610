from __future__ import annotations

import time
import unicodedata

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


@pytest.mark.parametrize(
    ("content", "term", "marked"),
    [
        ("x " * 300 + "cafe\u0301 cre\u0300me", "café", "cafe\u0301"),
        ("Donau\u00addampf\u00adschiff!", "donaudampfschiff", "Donau\u00addampf\u00adschiff"),
        ("会\u200b议\u200b纪要", "会议纪要", "会\u200b议\u200b纪要"),
        ("I ❤\ufe0f tea", "❤", "❤\ufe0f"),
        ("🎉 👩\u200d💻 codes", "👩💻", "👩\u200d💻"),
        ("می\u200cخواهم", "میخواهم", "می\u200cخواهم"),
        ("葛\U000e0100飾区", "葛飾区", "葛\U000e0100飾区"),
        ("ｶﾞｷﾞﾊﾟ", "ギ", "ｷﾞ"),
        ("🎉 か\u309bき\u309bく", "ぎく", "き\u309bく"),
        ("🎉 か\u309bき\u309bく", "が", "か\u309b"),
        ("x ハ \u309aン", "パン", "ハ \u309aン"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", "글", "\u1100\u1173\u11af"),
        ("𝐁old ㎞ ⑩", "km", "㎞"),
        ("x ⑩ y", "10", "⑩"),
        ("Straße", "strass", "Straß"),
        ("In İstanbul", "istanbul", "İstanbul"),
        ("Việt Nam " + unicodedata.normalize("NFD", "Việt"), "việt", "Việt"),
        ("e\u00ad\u0301t\u0323\u0307e", "é", "e\u00ad\u0301"),
    ],
)
def test_what_is_marked_is_whole_as_it_is_written(content: str, term: str, marked: str) -> None:
    text, found = shown(content, term)
    assert text in content
    assert found[0] == marked


def test_a_term_that_is_written_longer_than_a_snippet_is_marked_as_far_as_it_is_shown() -> None:
    term = "한글" * 40
    content = "-" * 100 + unicodedata.normalize("NFD", term) + "-" * 100
    text, [marked] = shown(content, term)
    assert len(text) == 160
    assert marked == text
    text, [marked] = shown("-" * 100 + term + "-" * 100, term)
    assert marked == term


@pytest.mark.parametrize("before", [0, 100, 4000, 4090, 4096, 9000])
def test_decomposed_terms_are_found_wherever_they_are(before: int) -> None:
    term = unicodedata.normalize("NFC", "ế" * 60)
    written = "\u200b".join(unicodedata.normalize("NFD", term))
    assert shown("-" * before + written, term)[1]


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
