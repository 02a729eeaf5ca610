"""Nested form syntax, as the library of the clients writes it."""

import pytest

from aimo.http.input import query_string as qs


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("&&a=1&", {"a": "1"}),
        ("=1", {}),
        ("a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        ("a[]=1", {"a": ["1"]}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a%5B%5D=1&a%5b%5d=2", {"a": ["1", "2"]}),
        ("a[]=", {"a": [""]}),
        ("a[0]=x&a[1]=y", {"a": ["x", "y"]}),
        ("a[1]=y&a[0]=x", {"a": ["x", "y"]}),
        ("a[1]=y&a[15]=x", {"a": ["y", "x"]}),
        ("a[21]=x", {"a": {"21": "x"}}),
        ("a[01]=x", {"a": {"01": "x"}}),
        ("a[b]=c&a[d]=e", {"a": {"b": "c", "d": "e"}}),
        ("a[b][c]=d", {"a": {"b": {"c": "d"}}}),
        ("a[][b]=1", {"a": [{"b": "1"}]}),
        ("a[0][b]=1&a[0][c]=2", {"a": [{"b": "1", "c": "2"}]}),
        ("a=1&a[]=2", {"a": ["1", "2"]}),
        ("a[]=1&a=2", {"a": ["1", "2"]}),
        ("a[]=x&a[b]=y", {"a": {"0": "x", "b": "y"}}),
        ("a[b]=1&a=c", {"a": {"b": "1", "c": True}}),
        ("a[b][c][d][e][f][g]=x", {"a": {"b": {"c": {"d": {"e": {"f": {"[g]": "x"}}}}}}}),
        ("[]=x", {"0": "x"}),
        ("[a]=x", {"a": "x"}),
        ("a]=1", {"a]": "1"}),
        ("a=b]=c", {"a=b]": "c"}),
        ("a+b=c+d%2B", {"a b": "c d+"}),
        ("a=%E4%BD%A0", {"a": "你"}),
        ("a=%ff", {"a": "%ff"}),
        ("a=%zz%41", {"a": "%zz%41"}),
        ("__proto__=x&a[__proto__]=y&b=1", {"a": {}, "b": "1"}),
        ('tags=["a"]', {"tags": '["a"]'}),
        ("tags=a,b", {"tags": "a,b"}),
    ],
)
def test_every_form_of_writing_lists_and_objects_is_read(text: str, value: object) -> None:
    assert qs.parse(text) == value


def test_too_many_parameters_are_refused_before_any_work() -> None:
    assert len(qs.parse("&".join(f"a{n}=1" for n in range(1000)))) == 1000
    with pytest.raises(qs.TooManyParametersError):
        qs.parse("a&" * 1000)


def test_thousands_of_brackets_cost_no_recursion() -> None:
    parsed = qs.parse("a" + "[x]" * 20_000 + "=1")
    assert list(parsed) == ["a"]


def test_a_thousand_list_items_are_read_at_once() -> None:
    assert qs.parse("&".join(f"a[]={n}" for n in range(1000)))["a"] == [str(n) for n in range(1000)]
    many = qs.parse("&".join(f"a[{n}]=x&a[]=y" for n in range(500)), list_limit=1000)["a"]
    assert isinstance(many, list)
