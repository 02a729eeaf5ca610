"""Lists are read out of replies whatever is around them, and as far as they go."""

from __future__ import annotations

import pytest

from aimo.ai.json_replies import cut_texts, texts_in, without_fences


@pytest.mark.parametrize(
    ("reply", "texts"),
    [
        ('["a", "b", "a"]', ["a", "b", "a"]),
        ('```json\n["a"]\n```', ["a"]),
        ('{"ids": ["a", "b"], "why": "[x]"}', ["a", "b"]),
        ('See [1] and [2]: ["a"]', ["a"]),
        ('[{"id": "a"}, {"name": "b"}, {"x": "c"}, 7]', ["a", "b"]),
        ("See [1].", []),
        ("[]", []),
        ("no list", None),
        ('["a", "b', None),
        ("[" * 5000, None),
    ],
)
def test_the_first_list_with_texts_is_read(reply: str, texts: list[str] | None) -> None:
    assert texts_in(reply) == texts


@pytest.mark.parametrize(
    ("reply", "texts"),
    [
        ('["a", "b', ["a"]),
        ('```json\n{"ids": ["a", "b", "c', ["a", "b"]),
        ('{"ids":', []),
        ('["a \\"quoted\\"", "b\\', ['a "quoted"']),
        ('[{"name": "a"}, {"na', ["a"]),
        ("[link](https://example.test)", None),
        ("text", None),
        ("", None),
    ],
)
def test_the_complete_texts_of_a_cut_list_are_read(reply: str, texts: list[str] | None) -> None:
    assert cut_texts(reply) == texts


def test_lines_that_fence_code_are_left_out() -> None:
    assert without_fences("```json\na\n```\n~~~\nb ```") == "a\nb ```"
