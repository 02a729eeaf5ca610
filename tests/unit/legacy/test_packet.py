"""No statement of the migration is longer than the database takes."""

from __future__ import annotations

import msgspec
import pymysql.converters
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimo.legacy import packet

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63),
    st.text(max_size=50),
    st.text(alphabet="\0\n\r\x1a\"'\\长😀", max_size=50),
    st.binary(max_size=50),
    st.lists(st.text(max_size=10), max_size=5),
)


def sent(value: object) -> bytes:
    if isinstance(value, list):
        value = msgspec.json.encode(value).decode()
    text: str = pymysql.converters.escape_item(value, "utf8mb4", pymysql.converters.encoders)
    return text.encode("utf-8", "surrogatepass")


@given(st.lists(VALUES, max_size=5))
def test_values_never_take_more_room_than_was_reckoned(values: list[object]) -> None:
    assert sum(len(sent(value)) for value in values) <= packet.statement_size(values)


def test_a_text_that_just_fits_is_not_refused() -> None:
    text = "长" * 100_000
    size = packet.statement_size([text])
    assert size < len(text.encode()) + 5000
    assert packet.fits([text], size) and not packet.fits([text], size - 1)
    assert not packet.fits(["'" * 100_000], size // 2)


def test_groups_keep_every_row_in_order_and_fit() -> None:
    rows = [{"text": "x" * (5000 * (i % 7))} for i in range(50)] + [{"text": "y" * 200_000}]
    groups = list(packet.groups(rows, 100_000))
    assert [row for group in groups for row in group] == rows
    assert all(packet.fits([row["text"] for row in group], 100_000) for group in groups if len(group) > 1)
    assert len(groups) < len(rows)


@pytest.mark.parametrize("limit", [50_000, 1_000_000])
def test_only_the_largest_values_are_left_out(limit: int) -> None:
    content = {"memoId": "m", "content": "x" * 300_000, "title": "t" * 20_000, "note": "'" * 30_000}
    kept = packet.without_largest(content, limit)
    assert packet.fits([kept], limit)
    expected = {"content", "note"} if limit == 50_000 else set()
    assert {name for name in content if kept[name] != content[name]} == expected
    if expected:
        assert kept["content"] == {"left_out_bytes": 300_002}
