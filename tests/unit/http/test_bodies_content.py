"""What a body becomes before anybody looks at it."""

import json
import time

import pytest

from aimo.http.edge import form_body, json_body
from aimo.http.edge.json_body import BadBodyError

DEEP = json_body.MAX_DEPTH


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b' \r\n\t{"a": 1} \n',
        '{"content":"《三体》"}'.encode(),
        b'{"a":"\\ud83d\\ude00 \\u4f60 \\\\ud800 \\\\u0000 \\uD7FF \\ue000"}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":1e999}',
        b'{"a":1,"a":2}',
        b'{"t":"' + b"[" * 5000 + b'"}',
        b'{"a":' + b"[" * (DEEP - 1) + b"]" * (DEEP - 1) + b"}",
    ],
)
def test_an_object_passes_byte_for_byte(raw: bytes) -> None:
    assert json_body.normalise(raw) == (raw, False)


def test_nothing_and_arrays_count_as_an_empty_object() -> None:
    assert json_body.normalise(b"") == (b"{}", False)
    assert json_body.normalise(b"[1,2]") == (b"{}", False)
    assert json_body.normalise(b'\xef\xbb\xbf{"a":1}') == (b'{"a":1}', False)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"content": "x"',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b"{'a': 1}",
        b'{"a": 01}',
        b'{"a": 1,}',
        b'{"a": 1} x',
        b'{"a": "\x00"}',
        b'{"a": "\n"}',
        b'{"a": "\\x"}',
        b'{"a": "\\u12"}',
        b'{"a": "\xff"}',
        b'{"\xff": 1}',
        b'{"a": "\xed\xa0\x80"}',
        b'"just text"',
        b"42",
        b"null",
        b"true",
        b"NaN",
        b"   ",
        b"\x0b{}",
        b"[1,2",
        b'{"a": "\\ud800" ',
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadBodyError) as refused:
        json_body.normalise(raw)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"\\ud800"}',
        b'{"a":"\\uDC00x"}',
        b'{"a":"\\ud83d\\ud83d\\ude00"}',
        b'{"a":"\\\\\\u0000"}',
        b'{"deep":[{"a\\u0000":1}]}',
        b'["\\ud800"]',
    ],
)
def test_text_that_cannot_be_stored_is_reported_and_no_route_sees_it(raw: bytes) -> None:
    body = json_body.normalise(raw)
    assert body == (b"{}", True)


@pytest.mark.parametrize("opened", [b"[", b'{"a":', b'[{"a":['])
def test_deep_nesting_is_refused_without_recursion(opened: bytes) -> None:
    for times in (DEEP + 1, 1_000_000):
        with pytest.raises(BadBodyError, match="deeply"):
            json_body.normalise(b'{"a":' + opened * times)


def test_wide_bodies_with_many_brackets_are_no_deep_ones() -> None:
    assert not json_body.normalise(b'{"a":[' + b"[]," * 10_000 + b'{}],"b":"\\"[["}').unusable


def test_megabytes_are_checked_in_well_under_a_second() -> None:
    for piece in (b"[],", b'"\\n",', b'"\\u4f60",', b'"{[",', b'"\\ud800",'):
        raw = b'{"a":[' + piece * (5_000_000 // len(piece)) + b"0]}"
        began = time.process_time()
        with pytest.raises(BadBodyError, match="values"):
            json_body.normalise(raw)
        assert time.process_time() - began < 1.5


def test_a_long_text_may_have_any_characters_and_a_list_a_hundred_thousand_values() -> None:
    assert json_body.normalise(b'{"a":"' + b"[,{" * 300_000 + b'"}').unusable is False
    most = b'{"a":[' + b"1," * (json_body.MAX_VALUES - 2) + b"1]}"
    assert json_body.normalise(most).data == most
    with pytest.raises(BadBodyError) as refused:
        json_body.normalise(most.replace(b"1]", b"1,1]"))
    assert refused.value.status == 413


def test_lists_inside_each_other_are_values_as_well() -> None:
    hundred = b"[" * 100 + b"]" * 100
    with pytest.raises(BadBodyError, match="values"):
        json_body.normalise(b'{"a":[' + (hundred + b",") * 1000 + b"0]}")


def test_forms_become_objects_of_texts() -> None:
    body = form_body.normalise(b"a=1&b[]=x&b[]=%E4%BD%A0&c[d][e]=f&g=h+i")
    assert json.loads(body.data) == {"a": "1", "b": ["x", "你"], "c": {"d": {"e": "f"}}, "g": "h i"}
    assert not body.unusable
    assert form_body.normalise(b"") == (b"{}", False)


def test_forms_with_bad_text_or_too_many_fields() -> None:
    assert form_body.normalise(b"a=%00").unusable
    assert form_body.normalise(b"a%00b[]=x").unusable
    assert json.loads(form_body.normalise(b"a=%ED%A0%80").data) == {"a": "%ED%A0%80"}
    with pytest.raises(BadBodyError):
        form_body.normalise(b"a=\xff")
    with pytest.raises(BadBodyError) as refused:
        form_body.normalise(b"a=1&" * 2000)
    assert refused.value.status == 413
    nested = json.loads(form_body.normalise(b"a" + b"[x]" * 10_000 + b"=1").data)
    assert list(nested) == ["a"]
