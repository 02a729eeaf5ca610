"""Which vectors belong to the texts of a snapshot."""

from __future__ import annotations

from aimo.legacy.source.snapshot import TextHashes


def test_only_the_same_text_of_the_same_memo_matches() -> None:
    texts = TextHashes(
        [{"memoId": f"m{i}", "content": f"text {i}"} for i in range(100)] + [{"memoId": "n", "content": None}]
    )
    asked = {
        ("m7", "text 7"): True,
        ("m7", "text 8"): False,
        ("unknown", "text 7"): False,
        ("n", None): True,
        ("n", ""): True,
    }
    keys, contents = zip(*asked, strict=True)
    assert texts.matches(keys, contents).tolist() == list(asked.values())
    assert texts.matches([], []).tolist() == []


def test_nothing_matches_an_empty_source() -> None:
    assert TextHashes([]).matches(["m1"], ["text"]).tolist() == [False]
