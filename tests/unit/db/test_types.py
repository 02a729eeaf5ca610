"""Keys that make values unique."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aimo.db.types import unique_key

TEXTS = st.text(max_size=300) | st.text(st.sampled_from("a #"), max_size=130) | st.builds(unique_key, st.text())


@given(TEXTS, TEXTS)
def test_different_values_have_different_keys_whatever_the_padding(one: str, other: str) -> None:
    """MySQL compares as if the shorter text ended in spaces."""
    if one != other:
        assert unique_key(one).rstrip(" ") != unique_key(other).rstrip(" ")


@given(TEXTS)
def test_a_key_fits_its_column(value: str) -> None:
    assert len(unique_key(value)) <= 191
    assert not unique_key(value).endswith(" ")


def test_a_hashed_key_cannot_be_spelled_out() -> None:
    """Whoever registers the key of somebody's value does not take its place."""
    for value in ("a ", "a" * 200, " ", ""):
        assert unique_key(value) == value or unique_key(unique_key(value)) != unique_key(value)
