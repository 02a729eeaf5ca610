"""Query parameters are coerced as the contract's clients know it."""

import math

import pytest

from aimo.errors import AimoError, Code
from aimo.http.input.query_parameters import InvalidParameterError, Query
from aimo.js_coercion import clamp, integer_prefix, to_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("0", 0),
        ("-3", -3),
        ("+7", 7),
        ("007", 7),
        ("1e1", 10),
        ("1E1", 10),
        ("0x2", 2),
        ("0XfF", 255),
        ("0b11", 3),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5),
        ("  12\n", 12),
        (" ", 0),
        ("\u00a0\ufeff3\u2003", 3),
        ("1e9", 10**9),
        ("9007199254740993", 9007199254740992),
        ("1e308", 1e308),
        ("1e309", math.inf),
        ("-1e999", -math.inf),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        ("0x" + "f" * 5000, math.inf),
    ],
)
def test_numbers_are_read_as_javascript_reads_them(text: str, number: float) -> None:
    assert to_number(text) == number
    assert isinstance(to_number(text), type(number))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "null",
        "true",
        "NaN",
        "nan",
        "inf",
        "infinity",
        "1_000",
        "1,5",
        "12abc",
        "0x",
        "-0x2",
        "1e",
        "٣",
        "1 2",
    ],
)
def test_what_is_no_number_is_refused_with_its_name_and_value(text: str) -> None:
    query = Query(f"page={text}".encode())
    with pytest.raises(InvalidParameterError) as refused:
        query.number("page", 1)
    assert refused.value.message == (f'Given parameter page is invalid. Value ("{text}") cannot be parsed into number.')


def test_a_long_non_number_is_refused_quickly() -> None:
    assert to_number("1" * 60_000 + "x") is None
    assert to_number("1" + " " * 60_000 + "x") is None


def test_missing_parameters_have_their_default() -> None:
    query = Query(b"")
    assert (query.number("page", 1), query.number("day")) == (1, None)
    assert (query.boolean("x", True), query.text("q", "d")) == (True, "d")
    assert query.texts("tags") == []
    assert "page" not in query


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("", True), ("false", False), ("0", False)])
def test_booleans(text: str, value: bool) -> None:
    assert Query(f"all={text}".encode()).boolean("all") is value


@pytest.mark.parametrize("text", ["yes", "TRUE", "2", "null"])
def test_other_booleans_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameterError, match="cannot be parsed into boolean"):
        Query(f"all={text}".encode()).boolean("all")


def test_a_number_given_twice_is_refused_as_a_list() -> None:
    with pytest.raises(InvalidParameterError, match=r'Value \(\["1","2"\]\) cannot'):
        Query(b"page=1&page=2").number("page", 1)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("tags=a", ["a"]),
        ("tags=a&tags=b", ["a", "b"]),
        ("tags[]=a", ["a"]),
        ("tags[]=a&tags[]=b", ["a", "b"]),
        ("tags%5B%5D=a&tags%5B%5D=%E4%BD%A0", ["a", "你"]),
        ("tags[0]=a&tags[1]=b", ["a", "b"]),
        ("tags=a,b", ["a,b"]),
        ('tags=["a"]', ['["a"]']),
        ("tags=", [""]),
    ],
)
def test_arrays_in_every_form(text: str, tags: list[str]) -> None:
    assert Query(text.encode()).texts("tags") == tags


@pytest.mark.parametrize("text", [b"q=%00", b"q=a\x00b", b"q=1&q=2", b"q[a]=b", b"q[]=%00"])
def test_text_that_cannot_be_stored_or_is_none_is_a_parameter_error(text: bytes) -> None:
    for read in (Query(text).text, lambda name: Query(text + b"&q[x][y]=z").texts(name)):
        with pytest.raises(AimoError) as refused:
            read("q")
        assert refused.value.code == Code.PARAMS_ERROR


def test_broken_bytes_in_a_query_harm_nobody() -> None:
    assert Query(b"q=\xff\xfe&r=%ff%fe").text("r") == "%ff%fe"
    with pytest.raises(AimoError):
        Query(b"a&" * 2000)


@pytest.mark.parametrize(
    ("text", "number"),
    [("12abc", 12), ("2023-01-01", 2023), (" -5x", -5), ("+3", 3), ("1e3", 1), ("abc", None), ("", None), ("-", None)],
)
def test_dates_are_integer_prefixes(text: str, number: int | None) -> None:
    assert integer_prefix(text) == number


def test_absurd_dates_stay_finite() -> None:
    assert integer_prefix("9" * 100_000) == 10**308
    assert integer_prefix("-" + "9" * 100_000) == -(10**308)
    assert Query(b"").integer_prefix("startDate") is None


@pytest.mark.parametrize(
    ("number", "clamped"), [(math.inf, 100), (-math.inf, 1), (1e308, 100), (1.9, 1), (50.5, 50), (0, 1), (100, 100)]
)
def test_pages_can_be_clamped_whatever_was_asked(number: float, clamped: int) -> None:
    assert clamp(number, 1, 100) == clamped
