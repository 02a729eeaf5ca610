"""A model's text stays text, however it is worded and however it arrives."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.hostile_texts import PAYLOADS, live_parts

from aimo.inert_text import InertText, inert, inert_inside, inert_pieces

# Whatever the rules look at, so that generated texts are full of it.
WORDS = (
    """< ! [ ] ( ) & # ; : / ? = > a x img &lt &lt; &TAB &NewLine &colon java script javascript vbscript data da ta"""
)
PARTS = st.sampled_from([*WORDS.split(" "), " ", "\\", "\t", "\n", "\x00", "\uff1c"])
TEXTS = st.lists(PARTS | st.characters(), max_size=40).map("".join)


def chunked(text: str, cuts: list[int]) -> str:
    maker, ends = InertText(), sorted({*cuts, len(text)})
    return "".join(maker.add(text[start:end]) for start, end in zip([0, *ends], ends, strict=False))


def test_there_are_enough_payloads_and_each_is_live_as_it_stands() -> None:
    assert len(set(PAYLOADS)) >= 60
    harmless = [payload for payload in PAYLOADS if not live_parts(payload)]
    assert harmless == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_is_more_than_text(payload: str) -> None:
    for around in ("{}", "Look: {} there", "* {}", "> {}", "[1] {}\n\nmore", "# {}", "**{}**", "!{}", "<{}", "&{}"):
        assert live_parts(inert(around.format(payload))) == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cut_through_a_payload_brings_it_back(payload: str) -> None:
    whole = inert(payload)
    assert chunked(payload, list(range(len(payload)))) == whole
    assert {chunked(payload, [cut]) for cut in range(len(payload))} == {whole}


@given(TEXTS)
def test_generated_texts_are_no_more_than_text(text: str) -> None:
    assert live_parts(inert(text)) == []


@given(TEXTS, st.lists(st.integers(0, 60)))
def test_the_result_is_the_same_however_the_text_is_divided_and_however_often_it_is_made(
    text: str, cuts: list[int]
) -> None:
    once = inert(text)
    assert chunked(text, [min(cut, len(text)) for cut in cuts]) == once
    assert inert(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "a < b and b > c",
        "$x < y \\le z$, 1 <2, x <= y, a <- b, <3, >_<",
        "```python\nif a < b:\n    x = d[1:2] & mask\n```",
        "See [the notes](https://example.org/a?b=1&c=2#d) or [home](/memos) [1] [2].",
        "Wow! [x] & co. R&D; a && b; #tag: 5 data: 7, time 12:30, key:value",
        "[1]: The budget meeting",
        "会议：《预算》！[1]",
        "- a\n- b\n\n| x | y |\n|---|---|\n| 1 | 2 |",
    ],
)
def test_ordinary_text_code_and_mathematics_stay_as_they_are(text: str) -> None:
    assert inert(text) == text


def test_code_stays_readable() -> None:
    assert inert("List<String> x; #include <stdio.h>; a<b") == "List< String> x; #include < stdio.h>; a< b"
    assert inert("![chart](https://example.org/x.png)") == "! [chart](https://example.org/x.png)"


@pytest.mark.parametrize(
    "unit", ["<", "&lt", ":", "\\", "\t", "javascript", "javascript:", "data:", "d\ta", "![", "j\t"]
)
def test_the_time_is_linear(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    started = time.process_time()
    inert(text)
    maker = InertText()
    for start in range(50_000):
        maker.add(text[start : start + 1])
    assert time.process_time() - started < 5, "a quadratic way takes minutes"


def test_texts_inside_json_are_inert_at_any_depth() -> None:
    deep: object = "<img>"
    for _ in range(5000):
        deep = [deep]
    made = inert_inside({"a": "<svg>", "b": [1, None, {"c": "![x](y)"}], "d": deep})
    assert (made["a"], made["b"]) == ("< svg>", [1, None, {"c": "! [x](y)"}])
    inner = made["d"]
    while isinstance(inner, list):
        (inner,) = inner
    assert inner == "< img>"
    assert inert_inside("<b>") == "< b>"


async def test_a_stream_ends_at_its_limit() -> None:
    async def endless() -> AsyncGenerator[str, None]:
        while True:
            yield "<" * 1000

    said = [piece async for piece in inert_pieces(endless(), most=10_000)]
    assert 10_000 < len("".join(said)) < 12_000
