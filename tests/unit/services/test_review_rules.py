"""Filter rules, ranges of days, questions and grades of reviews, without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from aimo import clock
from aimo.db.queries.review_draws import SLOTS
from aimo.dto.reviews import FilterRule
from aimo.errors import AimoError, Code
from aimo.services.reviews.candidates import date_range
from aimo.services.reviews.grading import gave_up, read_grade, shared_words
from aimo.services.reviews.profiles import question_count
from aimo.services.reviews.questions import plain_question, read_question
from aimo.services.reviews.rules import (
    MOST_RULES,
    effective_rules,
    rules_of_earlier_profile,
    rules_to_store,
    stored_rules,
)
from aimo.services.reviews.service import score_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
LISBON = ZoneInfo("Europe/Lisbon")
NOTE = "Tomatoes\nThey want full sun, deep watering twice a week and compost in April."


def ms(*moment: int) -> int:
    return clock.to_ms(datetime(*moment))  # type: ignore[arg-type]


def code_of(call: object, *arguments: object) -> Code:
    with pytest.raises(AimoError) as refused:
        call(*arguments)  # type: ignore[operator]
    return refused.value.code


def test_one_date_means_its_whole_local_day() -> None:
    assert date_range("2026-11-27,2026-11-27", SHANGHAI) == (ms(2026, 11, 26, 16), ms(2026, 11, 27, 16))


def test_a_day_of_daylight_saving_has_the_hours_that_it_has() -> None:
    start, end = date_range("2026-03-29,2026-03-29", LISBON)
    assert (end - start) // 3_600_000 == 23


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-01,", (ms(2025, 12, 31, 16), clock.LATEST_MS)),
        (", 2026-01-01", (clock.EARLIEST_MS, ms(2026, 1, 1, 16))),
        ("2026-01-01T08:00,2026-01-01T09:00:00Z", (ms(2026, 1, 1), ms(2026, 1, 1, 9) + 1)),
        ("0001-01-01,9999-12-31", (clock.EARLIEST_MS, clock.LATEST_MS)),
    ],
)
def test_ranges_may_have_times_and_open_ends(value: str, expected: tuple[int, int]) -> None:
    assert date_range(value, SHANGHAI) == expected


@pytest.mark.parametrize(
    "value", ["", ",", "yesterday,today", "2026-02-30,2026-03-01", "2026-01-01", "2026-1-1,2026-1-2"]
)
def test_what_is_no_range_is_refused(value: str) -> None:
    assert code_of(date_range, value, SHANGHAI) == Code.PARAMS_ERROR


@pytest.mark.parametrize(
    "rule",
    [
        FilterRule(type="colour", operator="include", value="x"),
        FilterRule(type="tag", operator="maybe", value="x"),
        FilterRule(type="tag", operator="include", value=" \u200b"),
        FilterRule(type="tag", operator="include", value="x" * 1001),
        FilterRule(type="tag", operator="include", value="x", label="x" * 1001),
    ],
)
def test_rules_that_cannot_be_obeyed_are_not_stored(rule: FilterRule) -> None:
    assert code_of(rules_to_store, [rule]) == Code.PARAMS_ERROR


def test_no_more_rules_than_a_draw_can_leave_out() -> None:
    rule = FilterRule(type="date_range", operator="exclude", value="2026-01-01,2026-01-02")
    assert len(rules_to_store([rule] * MOST_RULES)) == MOST_RULES <= SLOTS
    assert code_of(rules_to_store, [rule] * (MOST_RULES + 1)) == Code.PARAMS_ERROR
    assert code_of(effective_rules, rules_to_store([rule] * MOST_RULES) * 2) == Code.PARAMS_ERROR


def test_rules_are_shown_as_they_were_saved_and_what_is_none_is_left_out() -> None:
    stored = rules_to_store([FilterRule(type="tag", operator="exclude", value="t1", label="Tea")])
    assert stored == [{"type": "tag", "operator": "exclude", "value": "t1", "label": "Tea"}]
    assert stored_rules([*stored, "tea", None, {"type": "tag"}]) == [
        FilterRule(type="tag", operator="exclude", value="t1", label="Tea")
    ]
    assert stored_rules("no list") == []


def test_a_stored_rule_of_an_unknown_type_restricts_instead_of_nothing() -> None:
    assert code_of(effective_rules, [{"type": "mood", "operator": "include", "value": "good"}]) == Code.PARAMS_ERROR


@pytest.mark.parametrize(
    ("scope", "values", "days", "expected"),
    [
        ("tag", ["读书", "读书", "tea"], None, [("tag", "读书"), ("tag", "tea")]),
        ("category", ["c1"], None, [("category", "c1")]),
        ("recent", None, 30, [("recent_days", "30")]),
        ("recent", [], None, [("recent_days", "7")]),
        ("all", [], None, []),
        ("all", ["tea"], None, []),
        ("all", None, None, []),
    ],
)
def test_profiles_of_an_earlier_form_become_rules(
    scope: str, values: object, days: int | None, expected: list[tuple[str, str]]
) -> None:
    made = rules_of_earlier_profile(scope, values, days)
    assert made == [{"type": kind, "operator": "include", "value": value} for kind, value in expected]
    assert [(rule.type, rule.value) for rule in effective_rules(made)] == expected


def test_profiles_that_have_rules_keep_them() -> None:
    rules = [{"type": "category", "operator": "include", "value": "c6", "label": "工作"}]
    assert rules_of_earlier_profile("all", rules, None) == rules


@pytest.mark.parametrize(
    ("given", "count"), [(None, 7), (1, 5), (100, 20), ("6", 6), (12.0, 12), (" 9 ", 9), (-3, 5), (1e300, 20)]
)
def test_counts_are_brought_into_their_range(given: float | str | None, count: int) -> None:
    assert question_count(given, 7) == count


@pytest.mark.parametrize("given", ["x", "", 6.5, "6.5", float("inf"), "Infinity", 10**400])
def test_what_is_no_whole_number_is_refused(given: float | str) -> None:
    assert code_of(question_count, given, 7) == Code.PARAMS_ERROR


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("How often are they watered?", "How often are they watered?"),
        ('Sure! Here it is:\n\n1. **"How often are they watered?"**', "How often are they watered?"),
        ("问题：番茄需要什么？", "番茄需要什么？"),
        ('```json\n{"question": "Why compost?"}\n```', "Why compost?"),
        ('["Why compost?", "When?"]', "Why compost?"),
        ("Describe the watering.", "Describe the watering."),
        ("<img src=x>?", "< img src=x>?"),
        ("", ""),
        (" \n```\n```\n", ""),
        ('{"question": null}', ""),
        ('{"question": "Why\\ud800\\u0000?"}', "Why\ufffd?"),
        ("?" * 100_000, "?" * 300 + "..."),
    ],
)
def test_a_question_is_found_in_whatever_a_model_says(reply: str, question: str) -> None:
    assert read_question(reply) == question


def test_a_plain_question_shows_the_first_line_without_markup() -> None:
    assert plain_question("## Tomatoes\n\nfull sun") == "What do you remember about “Tomatoes”?"
    assert plain_question("- [ ] 买菜\n番茄") == "关于「买菜」，你还记得什么？"
    assert plain_question(" \n\t") == "这条笔记里有什么？"


def test_a_plain_question_does_not_show_all_of_a_memo() -> None:
    assert plain_question("The key is under the mat") == "What do you remember about “The key is...”?"


@pytest.mark.parametrize(
    ("reply", "mastery", "feedback"),
    [
        ('{"mastery": "remembered", "feedback": "Right."}', "remembered", "Right."),
        ('```json\n{"mastery": "forgot", "feedback": "No."}\n```', "forgot", "No."),
        ('Well: {"feedback": "Half.", "mastery": " Fuzzy "} Bye', "fuzzy", "Half."),
        ('{"mastery": "perfect", "feedback": "Wow"}', "fuzzy", "Wow"),
        ('{"mastery": ["forgot"], "feedback": "Wow"}', "fuzzy", "Wow"),
        ('{"mastery": "forgot"}', "forgot", "This is not what the note says. Have another look at it."),
        ('{"mastery": "remembered", "feedback": 5}', "remembered", "That matches the note well."),
        ('{"mastery": "remembered", "feedback": "a\\ud800\\u0000b"}', "remembered", "a\ufffdb"),
        ("Nearly <script>right", "fuzzy", "Nearly < script>right"),
        ('{"mastery": "remem', "fuzzy", '{"mastery": "remem'),
        ("", "fuzzy", "You remember a part of it. Compare it with the note."),
        ("x" * 100_000, "fuzzy", "x" * 4000 + "..."),
    ],
)
def test_any_reply_is_a_grade(reply: str, mastery: str, feedback: str) -> None:
    assert read_grade(reply, NOTE) == (mastery, feedback)


@pytest.mark.parametrize("answer", ["", " \n", "我忘记了", "我忘记了。", "\u200b"])
def test_giving_up_is_noticed(answer: str) -> None:
    assert gave_up(answer)


def test_shared_words_do_not_count_those_of_the_question() -> None:
    question = plain_question(NOTE)
    assert shared_words(question, "Tomatoes", NOTE) == 0
    assert shared_words(question, "full sun and deep watering, compost in april", NOTE) >= 0.5
    assert shared_words("番茄？", "番茄要晒太阳", "番茄\n需要充足的阳光，多晒太阳") > 0.2
    assert shared_words("?", "x", "") == 0


@pytest.mark.parametrize(
    ("masteries", "score"),
    [
        (["fuzzy"] * 4 + [None] * 3, 29),
        (["remembered"] * 5, 100),
        (["fuzzy", None, None, None], 13),
        (["forgot", "unknown"], 0),
        ([], 0),
    ],
)
def test_scores_are_rounded_half_up(masteries: list[str | None], score: int) -> None:
    assert score_of(masteries) == score


def test_times_are_written_in_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 27, 14, 49, 3, 911_000, tzinfo=UTC)
    assert clock.to_iso(round(moment.timestamp() * 1000)) == "2026-11-27T14:49:03.911Z"
    assert clock.to_iso(0) == "1970-01-01T00:00:00.000Z"
