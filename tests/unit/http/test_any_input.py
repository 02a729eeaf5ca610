"""Whatever is sent, the edge gives either a refusal of its own or something the API can use."""

import json
from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aimo.errors import AimoError
from aimo.http.edge import form_body, json_body
from aimo.http.edge.json_body import BadBodyError
from aimo.http.edge.ranges import UnsatisfiableError, parse_range
from aimo.http.edge.route_table import RouteTable
from aimo.http.input import query_string as qs
from aimo.http.input.query_parameters import Query
from aimo.http.input.text_validation import is_usable
from aimo.js_coercion import integer_prefix, to_number
from aimo.storage import keys

any_text = st.text(alphabet=st.characters(exclude_categories=()), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
syntax = st.lists(
    st.sampled_from(["a", "b", "[", "]", "[]", "=", "&", "%5B", "%5D", "0", "1", "%00", "+", "__proto__"])
)


def all_usable(value: Any) -> bool:
    if isinstance(value, str):
        return is_usable(value)
    if isinstance(value, dict):
        return all(map(all_usable, value)) and all(map(all_usable, value.values()))
    return all(map(all_usable, value)) if isinstance(value, list) else True


@given(st.dictionaries(any_text, values, max_size=4))
def test_every_json_object_passes_and_bad_text_is_told(value: dict[str, Any]) -> None:
    sent = json.dumps(value).encode()
    body = json_body.normalise(sent)
    assert body.unusable is not all_usable(value)
    assert body.unusable or body.data == sent
    assert all_usable(msgspec.json.decode(body.data))


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ud80 1-.eE', max_size=60).map(str.encode))
def test_any_bytes_are_refused_or_become_an_object(raw: bytes) -> None:
    with suppress(BadBodyError):
        assert isinstance(msgspec.json.decode(json_body.normalise(raw).data), dict)
    with suppress(BadBodyError):
        assert isinstance(msgspec.json.decode(form_body.normalise(raw).data), dict)


@given(syntax.map("".join) | any_text)
def test_any_form_syntax_is_read(text: str) -> None:
    assert isinstance(qs.parse(text), dict)
    query = Query(text.encode("utf-8", "surrogatepass"))
    for name in ("a", "b"):
        with suppress(AimoError):
            assert all(map(is_usable, query.texts(name)))


@given(any_text)
def test_any_text_is_a_number_or_not(text: str) -> None:
    to_number(text)
    integer_prefix(text)


@given(st.floats(allow_nan=False))
def test_every_number_is_read_back(number: float) -> None:
    text = repr(number).replace("inf", "Infinity")
    assert to_number(text) == number


@given(st.text(alphabet="bytes=-0129, ", max_size=20).map(str.encode), st.integers(0, 200))
def test_a_span_lies_within_the_content(header: bytes, size: int) -> None:
    with suppress(UnsatisfiableError):
        span = parse_range(header, size)
        assert span is None or (span.start >= 0 and span.length > 0 and span.start + span.length <= size)


@given(any_text)
def test_any_file_name_gives_a_safe_key(filename: str) -> None:
    key = keys.attachment_key("u1", "2026-01-31", "id", filename)
    assert keys.is_valid_key(key)
    assert key.isascii()
    assert key.count("/") == 2


@given(any_text)
def test_any_path_can_be_matched(path: str) -> None:
    RouteTable([("/a/{b}", {"GET"})]).matches("GET", path)
