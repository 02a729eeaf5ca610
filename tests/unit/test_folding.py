import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimo.folding import fold

ANY_TEXT = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("MySQL", "mysql"),
        ("ＭｙＳＱＬ　８", "mysql 8"),
        ("Straße", "strasse"),
        ("e\u0301", "é"),
        ("東京Ｔｏｋｙｏ", "東京tokyo"),
        ("㍿", "株式会社"),
        ("ﬁn", "fin"),
        ("100%_\\'\"", "100%_\\'\""),
        ("😀", "😀"),
        ("a\ud83db", "a\ufffdb"),
    ],
)
def test_texts_that_mean_the_same_fold_to_the_same(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(ANY_TEXT)
def test_any_text_can_be_folded_and_folding_again_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    once.encode()


@given(st.text(st.sampled_from("aB中文é😀 '\"%_\\")), st.text(st.sampled_from("aB中文é😀 '\"%_\\")))
def test_a_part_is_still_a_part_after_folding(part: str, rest: str) -> None:
    assert fold(part) in fold(rest + part + rest)
