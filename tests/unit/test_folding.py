from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimo.folding import fold, fold_with_origins, is_blank, name_form, sort_form

ANY_TEXT = st.text(st.characters(codec=None))
AWKWARD = st.text(
    st.sampled_from(
        "iIıİaſßﬁ①ｶﾞ한\u1112\u1161\u11abだ\u3099\u309a\u0301\u0307\u0323\u0327\u0345\u0344\u034f\u00ad\u200b\u200d\ufe0f"
        "\U000e0100\U0001f3f4\U000e0067\U000e007f👩\U0001d15e\u0f73\ufdfa"
        "かは あ\u309b\u309c\uff9e\u3000\u00b4س\u064e\u0651\ufe76\ufc60\u093c"
    ),
    max_size=40,
)
MARKS = "\u0301\u0323\u0307"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("MySQL", "mysql"),
        ("ＭｙＳＱＬ　８", "mysql 8"),
        ("Straße", "strasse"),
        ("STRAẞE", "strasse"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("e\u0301", "é"),
        ("東京Ｔｏｋｙｏ", "東京tokyo"),
        ("㍿", "株式会社"),
        ("ﬁn", "fin"),
        ("①", "1"),
        ("100%_\\'\"", "100%_\\'\""),
        ("😀", "😀"),
        ("a\ud83db", "a\ufffdb"),
        # Half-width letters with their voicing marks, letters of Hangul, marks in another order.
        ("ｶﾞｷﾞﾊﾟ", "ガギパ"),
        ("か\uff9e", "が"),
        # Voiced marks and vowels that were typed, or normalised by somebody, as characters of their own.
        ("か\u309bハ\u309cう\u309bｶ\u309bﾊ\uff9fゝ\u309b", "がパゔガパゞ"),
        ("か\u200b\u309b か\u309b\u309b", "が が\u3099"),
        ("か \u3099\u3000か\u3000\u309a", "が か\u309a"),
        ("あ\u309b", "あ\u3099"),
        ("か \u309b「\u309b」\u309b", "か  \u3099「 \u3099」 \u3099"),
        ("か\u309b" * 2, "がが"),
        ("か" + "\u309b" * 5000 + "\u0301" * 50, "が" + "\u3099" * 29),
        ("\ufeb1\ufe76\ufee3", "س\u064eم"),
        ("\ufe8d\ufefc \ufe8f\ufc60", "الا ب\u064e\u0651"),
        # Accents apart are typed as apostrophes and quotation marks: they belong to no letter.
        ("don\u00b4t", "don \u0301t"),
        ("e \u0301", "e \u0301"),
        ("\u1112\u1161\u11ab", "한"),
        ("ﾡ", "\u1100"),
        ("e\u0301\u0323", "ẹ\u0301"),
        ("e\u0323\u0301", "ẹ\u0301"),
        # The capital İ is an i with the dot that small ones have anyway; ı is another letter.
        ("İSTANBUL", "istanbul"),
        ("i\u0307stanbul", "istanbul"),
        ("ısı", "ısı"),
        # Variants of Han characters are different texts; compatibility ideographs are the same one twice.
        ("說", "說"),
        ("说", "说"),
        ("\uf9a1", "說"),
    ],
)
def test_texts_that_mean_the_same_fold_to_the_same(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Donau\u00addampf\u00adschiff", "donaudampfschiff"),
        ("会\u200b议\u2060纪要", "会议纪要"),
        ("\ufeffhello\ufeffworld", "helloworld"),
        ("❤\ufe0f \u2764\ufe0e", "❤ ❤"),
        ("می\u200cخواهم", "میخواهم"),
        ("ක්\u200dෂ", "ක්ෂ"),
        ("葛\U000e0100飾区", "葛飾区"),
        ("👩\u200d❤\ufe0f\u200d👨", "👩❤👨"),
        ("\u202eabc\u202c\u2068d\u2069\u200f\u061c", "abcd"),
        ("ᠮ\u180bᠣ\u180eᠩ", "ᠮᠣᠩ"),
        ("a\u3164b\uffa0c\u115f\u1160", "abc"),
        # Invisible letters behind a word, and between a letter and its mark.
        ("memo\U000e0068\U000e0069\U000e007f", "memo"),
        ("e\u034f\u0301 e\u200d\u0301", "é é"),
        ("Text\u2061\u2063\ufff0\U0001d173\U0001bca0", "text"),
    ],
)
def test_invisible_characters_change_nothing(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_every_invisible_character_is_left_out_wherever_unicode_says_so() -> None:
    """Format characters, variation selectors and fillers; those that are seen, such as signs before numbers, stay."""
    shown = {0x0600, 0x0601, 0x0602, 0x0603, 0x0604, 0x0605, 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD}
    annotations = {0xFFF9, 0xFFFA, 0xFFFB}
    for code in range(0x110000):
        if (
            unicodedata.category(chr(code)) == "Cf"
            and code not in shown | annotations
            and code >> 4
            not in (
                0x1343,
                0x1344,
            )
        ):
            assert fold(f"a{chr(code)}b") == "ab", hex(code)


def test_flags_of_regions_stay_different() -> None:
    england = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    scotland = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    assert len({fold(england), fold(scotland), fold("🏴")}) == 3
    assert fold(f"x\u200b{england}\u200b{scotland}") == f"x{england}{scotland}"
    assert fold("🇬🇧") == "🇬🇧"


def test_more_marks_than_any_language_has_are_left_out() -> None:
    assert fold("x" + "\u0301" * 5000) == "x" + "\u0301" * 30
    assert fold("x" + "\u0301\u200d" * 5000 + "y") == "x" + "\u0301" * 30 + "y"


@given(st.one_of(ANY_TEXT, AWKWARD))
def test_any_text_can_be_folded_and_folding_again_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    once.encode()


@given(st.one_of(ANY_TEXT, AWKWARD))
def test_equivalent_texts_fold_to_the_same(text: str) -> None:
    expected = fold(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold(unicodedata.normalize(form, text)) == expected


@given(st.text(st.sampled_from("aB中文é😀 '\"%_\\")), st.text(st.sampled_from("aB中文é😀 '\"%_\\")))
def test_a_part_is_still_a_part_after_folding(part: str, rest: str) -> None:
    assert fold(part) in fold(rest + part + rest)


@given(st.one_of(ANY_TEXT, AWKWARD))
def test_every_folded_character_comes_from_a_part_that_folds_to_it(text: str) -> None:
    folded, origins = fold_with_origins(text)
    assert folded == fold(text)
    assert len(origins) == len(folded)
    for character, (start, end) in zip(folded, origins, strict=True):
        assert character in fold(text[start:end])
    assert origins == sorted(origins)


@pytest.mark.parametrize("text", ["", " \u3000\u00a0", "\u200b", "\ufeff \u00ad", "\u3164", "\u2028"])
def test_what_cannot_be_seen_is_blank(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(f"{text}.")


@given(st.one_of(ANY_TEXT, AWKWARD, st.text(st.sampled_from(" \u00a0\u200b\u3164\x1f\u0085\u180e\ufe0f"))))
def test_a_text_is_blank_when_nothing_is_left_of_it(text: str) -> None:
    assert is_blank(text) == (not fold(text).strip())


def test_names_are_compared_folded_and_trimmed() -> None:
    names = {"MySQL", " ｍｙｓｑｌ\u3000", "My\u00adSQL", "\ufeffmysql", "MYSQL\u200b "}
    assert {name_form(name) for name in names} == {"mysql"}


def test_names_are_sorted_without_case_accents_and_invisible_characters() -> None:
    names = ["\u200bz", "É", "e", "Ｆ", "d\u0301", "\u00ada", "İ", "j"]
    assert sorted(names, key=sort_form) == ["\u00ada", "d\u0301", "É", "e", "Ｆ", "İ", "j", "\u200bz"]
