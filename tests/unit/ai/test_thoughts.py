"""What a reasoning model thinks aloud is never part of what it says, wherever a stream is cut."""

from __future__ import annotations

import pytest

from aimo.ai.thoughts import ThoughtFilter, without_thoughts

THOUGHT = 'The user asks about [2]. Maybe ["draft"], a < b, or a final "answer"?'
PAIRS = [
    ("<think>", "</think>"),
    ("<thinking>\n", "\n</thinking>"),
    ("<THINK time='3'>", "</THINK >"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<\uff5cbegin\u2581of\u2581thinking\uff5c>", "<\uff5cend\u2581of\u2581thinking\uff5c>"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("<unused94>", "<unused95>"),
    ('<details type="reasoning" done="true"><summary>1 s</summary>', "</details>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|channel|>commentary to=x<|message|>", "<|channel|>final<|message|>"),
    ("Here is my thought process: ", "Here is my response: "),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|think_start|>", "<|think_end|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<thought_process>", "</thought_process>"),
    ("<antThinking>", "</antThinking>"),
    ("[BEGIN THINK]", "[END THINK]"),
    ("[start of thought]\n", "\n[end of thought]"),
    ('<details open type="reasoning">', "</details>"),
    ("<details type=reasoning open>", "</details>"),
    ("```thinking\n", "\n```\n"),
    ("``` reasoning\r\n", "\r\n```\r\n"),
]
NESTED = [
    "<think>a<think>b</think>c</think>Paris",
    "<think>a<thinking>b</thinking>c<thought>d</thought>e</think>\nParis",
    "[THINK]a[THINK]b[/THINK]c[/THINK]Paris",
    "```thinking\nfirst\n```python\nx = 1\n```\nsecond\n```\nParis",
    '<details open type="reasoning">a<details><summary>b</summary></details>c</details>\nParis',
    "<think>The tag <think> is meant.</think>Paris",
    "<think>The tag `<think>` and the tag `</think>` are meant.</think>Paris",
    "<think>It is `ls`</think>Paris",
]
HEADINGS = [
    "[Analysis]\nParis is the capital.",
    "Summary:\n[Reasoning]\nParis is the capital.",
    "Steps:\n<reason>\nParis is the capital.",
    "<analysis>\nParis is the capital.",
    "```analysis\nParis is the capital.\n",
]


def in_pieces(text: str, size: int, *, begins_inside: bool = False, complete: bool = True) -> str:
    thoughts = ThoughtFilter(begins_inside=begins_inside)
    said = [thoughts.add(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join(said) + thoughts.finish(complete=complete)


@pytest.mark.parametrize(("begin", "end"), PAIRS)
@pytest.mark.parametrize("size", [1, 3, 8, 10_000])
def test_thoughts_between_tags_are_removed(begin: str, end: str, size: int) -> None:
    assert in_pieces(f"{begin}{THOUGHT}{end}\n\nParis is [1].", size) == "Paris is [1]."
    assert in_pieces(f"{begin}{end}Paris is [1].", size) == "Paris is [1]."
    assert in_pieces(f"{begin}{THOUGHT}", size) == ""


@pytest.mark.parametrize(("begin", "end"), PAIRS[:10])
@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_thoughts_in_the_middle_are_removed(begin: str, end: str, size: int) -> None:
    assert in_pieces(f"Paris\n{begin}{THOUGHT}{end}\nRome", size) == "Paris\n\nRome"
    assert in_pieces(f"Paris {begin}{THOUGHT}{end} Rome", size) == "Paris  Rome"


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_thoughts_whose_beginning_is_missing_are_removed(size: int) -> None:
    text = f"{THOUGHT}\n</think>\n\nParis"
    assert without_thoughts(text) == ("Paris", True)
    assert in_pieces(text, size, begins_inside=True) == "Paris"
    assert in_pieces("Paris", size, begins_inside=True) == "Paris", "this time it did not think"
    assert in_pieces(THOUGHT, size, begins_inside=True, complete=False) == "", "cut before it ended"
    assert in_pieces(f"<think>{THOUGHT}</think>Paris", size, begins_inside=True) == "Paris"


@pytest.mark.parametrize("text", NESTED)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 10_000])
def test_thoughts_inside_of_thoughts_are_removed(text: str, size: int) -> None:
    assert in_pieces(text, size) == "Paris"
    assert in_pieces(text, size, begins_inside=True) == "Paris"
    assert without_thoughts(text) == ("Paris", False)


@pytest.mark.parametrize("text", HEADINGS)
@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_a_heading_that_is_a_plain_word_hides_nothing(text: str, size: int) -> None:
    assert in_pieces(text, size) == text
    assert without_thoughts(text) == (text, False)


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_code_in_answers_stays(size: int) -> None:
    text = "Run:\n```python\nthinking = 1\n```\nor `ls`, see [begin here](x)\n```\nx\n```"
    assert in_pieces(text, size) == text
    assert in_pieces("```thinking\nlong\n```", size) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Paris [1] & Rome [2]: a < b and <b>bold</b>, Hello\n",
        "Use the `<think>` tag for thoughts.",
        "The tag is <think> in HTML.",
        "Here are my notes: [think",
        "He",
        "<",
        "",
        "  indented\n\n",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_other_texts_stay_as_they_are(text: str, size: int) -> None:
    assert in_pieces(text, size) == text
    assert without_thoughts(text) == (text, False)


def test_what_holds_no_tag_is_said_at_once() -> None:
    thoughts = ThoughtFilter()
    assert [thoughts.add(piece) for piece in ("Par", "is [", "1].")] == ["Par", "is ", "[1]."]


def test_a_long_thought_takes_linear_time() -> None:
    thoughts = ThoughtFilter()
    assert thoughts.add("<think>") == ""
    for _ in range(50_000):
        assert thoughts.add("wait, ") == ""
    assert len(thoughts._held) < 1000
    assert thoughts.add("</think>Paris") == "Paris"
