import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimo.vectors.upkeep import UpkeepPolicy, rows_worth_folding


@pytest.mark.parametrize(
    ("commits", "seconds", "due"), [(0, 0, False), (63, 299, False), (64, 0, True), (1, 300, True), (0, 301, True)]
)
def test_upkeep_is_due_after_enough_commits_or_enough_time(commits: int, seconds: float, due: bool) -> None:
    assert UpkeepPolicy(commits=64, seconds=300).due(commits, seconds) is due


def row_ids(sizes: list[int]) -> np.ndarray:
    parts = [(np.uint64(fragment) << np.uint64(32)) + np.arange(size) for fragment, size in enumerate(sizes)]
    return np.concatenate([part.astype(np.uint64) for part in parts])


def folded_fragments(sizes: list[int]) -> list[int]:
    return [int(number) for number in np.unique(rows_worth_folding(row_ids(sizes)) >> 32)]


def test_small_fragments_are_folded_and_the_large_one_is_not_rewritten() -> None:
    assert folded_fragments([50_000, 1, 1, 1, 2]) == [1, 2, 3, 4]


def test_a_single_small_fragment_is_left_alone() -> None:
    assert folded_fragments([50_000, 3]) == []


def test_folding_holds_no_more_rows_than_fit_in_memory() -> None:
    assert rows_worth_folding(row_ids([15_000, 14_000, 9_000, 50, 20])).size <= 20_000


@given(st.integers(9, 64), st.integers(0, 30_000))
def test_a_row_is_rewritten_only_a_few_times_in_its_life(commits_each: int, first: int) -> None:
    sizes, rewritten, written = [first] if first else [], 0, 0
    for _ in range(80):
        sizes += [1] * commits_each
        written += commits_each
        chosen = set(folded_fragments(sizes))
        total = sum(sizes[i] for i in chosen)
        sizes = [size for i, size in enumerate(sizes) if i not in chosen] + [total] * bool(total)
        rewritten += total
    assert len(sizes) <= 64 + 12
    assert rewritten <= 16 * written + 2 * first
