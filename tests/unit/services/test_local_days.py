"""Days of a zone in which clocks are put forward and back."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from aimo.services.insights.service import _offsets


@pytest.mark.parametrize(("name", "parts"), [("Europe/Berlin", 3), ("Asia/Shanghai", 1), ("America/St_Johns", 3)])
def test_a_year_is_cut_where_clocks_change_and_nowhere_else(name: str, parts: int) -> None:
    zone = ZoneInfo(name)
    since, until = (int(datetime(year, 1, 15, tzinfo=zone).timestamp() * 1000) for year in (2025, 2026))
    cut = list(_offsets(zone, since, until))
    assert len(cut) == parts
    assert (cut[0][0], cut[-1][1]) == (since, until)
    assert all(after[0] == before[1] + 1 for before, after in pairwise(cut))
    for start, end, minutes in cut:
        for moment in (start, (start + end) // 2, end):
            offset = datetime.fromtimestamp(moment / 1000, zone).utcoffset()
            assert offset is not None
            assert offset.total_seconds() == minutes * 60


def test_a_moment_is_a_range_of_its_own() -> None:
    assert list(_offsets(ZoneInfo("UTC"), 5, 5)) == [(5, 5, 0)]
