"""A value that cannot be used stops the start with its name, the value and what there is; of every setting.

Each setting is of one of the kinds below. A new one that is of none fails the first test.
"""

from __future__ import annotations

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from aimo import config
from aimo.config import Settings
from aimo.errors import ConfigurationError
from aimo.runtime.setting_checks import require_usable
from aimo.setting_types import lenient_value

FIELDS = Settings.model_fields

# Structured texts, each with values that are none.
STRUCTURED = {
    "host": ["0", "127.1", "[127.0.0.1]", "localhost:3000", "http://localhost", "1.2.3.4.5", "256.1.1.1", "a b", "*"],
    "public_url": ["notes.example.org", "ftp://a", "https://", "https://a/?b", "https://a/api"],
    "trusted_proxies": ["proxy", "10.0.0.0/33", "127.0.0.1;10.0.0.1"],
    "outbound_allow": ["http://a", "10.0.0.0/33"],
    "cors_origin": ["notes.example.org", "https://a/b"],
    "locale_timezone": ["Asia/Shanghi", "CET+1", "../etc/passwd", "中国"],
    "mysql_host": ["db:3306", "mysql://db", "a b", "db/aimo"],
    "database_url": ["postgres://h/d", "h", "mysql://h"],
    "db_optimization_cron": ["daily", "61 * * * *", "* * * *", "0 2 * * MOON"],
    "export_cron": ["daily", "61 * * * *"],
    "export_to": ["exports", "./exports", "s3://", "gs://bucket"],
    "lancedb_s3_endpoint": ["http://key:hidden-word@minio"],
    "attachment_s3_endpoint": ["http://key:hidden-word@minio"],
    "attachment_oss_endpoint": ["http://key:hidden-word@minio"],
    **{
        name: ["api.example.org/v1", "htp://a", "https://", "http://a b", "http://a:99999"]
        for name in FIELDS
        if name.endswith(("_base_url", "_api_url"))
    },
}
# Any text may be right; what is wrong with it only the other side can tell.
FREE = {
    *("node_env", "locale_language", "jwt_secret", "ba_auth_token", "metrics_token", "aws_access_key_id", "aws_region"),
    *("mysql_user", "mysql_password", "mysql_database", "aimo_source_password", "aws_secret_access_key"),
    *("lancedb_s3_bucket", "lancedb_s3_prefix", "ocr_default_provider", "multimodal_embedding_output_type"),
    *("attachment_blocked_mime_types", "openai_model", "openai_embedding_model", "multimodal_embedding_model"),
    *("fun_asr_model", "openai_api_key", "dashscope_api_key", "fun_asr_api_key", "zhipu_api_key"),
    *(f"attachment_s3_{each}" for each in ("bucket", "prefix", "access_key_id", "secret_access_key", "region")),
    *(f"attachment_oss_{each}" for each in ("bucket", "prefix", "access_key_id", "access_key_secret", "region")),
}
NUMBERS = ["-1", "10MB", "5 apples", "nan", "inf", "1e99", "9" * 40, "1,000", "five"]


def types_of(annotation: Any) -> list[Any]:
    """The types of a field, without what surrounds them."""
    if get_origin(annotation) in (Union, UnionType):
        return [found for each in get_args(annotation) for found in types_of(each)]
    if hasattr(annotation, "__metadata__"):
        return types_of(annotation.__origin__)
    return [annotation]


def kind_of(name: str, field: FieldInfo) -> str | None:
    types = types_of(field.annotation)
    if any(get_origin(each) is Literal for each in types):
        return "choice"
    if bool in types:
        return "lenient" if lenient_value(field, "x") is not None else "switch"
    if int in types or float in types:
        return "number"
    if name in STRUCTURED:
        return "structured"
    if name in FREE or any(each.__name__ == "Path" for each in types):
        return "free"
    return None


def named(kind: str) -> list[str]:
    return sorted(name for name, field in FIELDS.items() if kind_of(name, field) == kind)


def load(**values: str) -> Settings:
    loaded = config.load(_env_file=None, **values)
    require_usable(loaded)
    return loaded


def refused(name: str, value: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(**{name: value})
    text = str(caught.value)
    assert name.upper() in text and "\n" not in text
    return text


def test_every_setting_is_of_a_kind_that_is_tested() -> None:
    assert [name for name, field in FIELDS.items() if kind_of(name, field) is None] == []
    assert (STRUCTURED.keys() | FREE) - FIELDS.keys() == set()
    assert all(named(kind) for kind in ("choice", "lenient", "switch", "number", "structured", "free"))


@pytest.mark.parametrize("name", named("choice"))
def test_a_choice_that_there_is_not_is_told_with_those_that_there_are(name: str) -> None:
    text = refused(name, "bogus")
    [choices] = [get_args(each) for each in types_of(FIELDS[name].annotation) if get_origin(each) is Literal]
    assert all(choice in text for choice in choices) and text.endswith(", not 'bogus'")
    if "storage_type" not in name:
        assert getattr(load(**{name: f" {choices[-1].upper()} "}), name) == choices[-1]


@pytest.mark.parametrize("name", named("switch"))
def test_a_switch_is_on_or_off(name: str) -> None:
    for typo in ("maybe", "of", "2"):
        assert refused(name, typo).endswith(
            (f"must be on or off, not {typo!r}", f"must be true or false, not {typo!r}")
        )
    for text, value in {"ON": True, "yes": True, "1": True, "False": False, "no": False, "0": False}.items():
        assert getattr(load(**{name: text}), name) is value


@pytest.mark.parametrize("name", named("lenient"))
def test_a_switch_of_the_existing_server_takes_what_it_takes_and_warns(name: str) -> None:
    for typo in ("maybe", "TRUE", "0", "off"):
        loaded = load(**{name: typo})
        assert getattr(loaded, name) is (FIELDS[name].default is True)
        [warning] = loaded.doubts
        assert warning.startswith(f"{name.upper()}={typo!r} counts as ")
    assert load(**{name: "true"}).doubts == load(**{name: "false"}).doubts == ()


@pytest.mark.parametrize("name", named("number"))
@pytest.mark.parametrize("value", NUMBERS)
def test_a_number_that_is_none_or_too_small_or_large_is_told(name: str, value: str) -> None:
    assert refused(name, value).endswith(f", not {value!r}")


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in STRUCTURED for value in STRUCTURED[name]])
def test_a_text_of_another_form_is_told_without_passwords(name: str, value: str) -> None:
    text = refused(name, value)
    is_secret = SecretStr in types_of(FIELDS[name].annotation) or "@" in value
    assert is_secret or value in text
    assert "hidden-word" not in text


def test_a_zone_may_be_in_any_case_and_a_slip_names_the_right_one() -> None:
    assert load(locale_timezone="europe/berlin").locale_timezone == "Europe/Berlin"
    assert "(is Asia/Shanghai meant?)" in refused("locale_timezone", "Asia/Shanghi")


def test_zero_in_any_form_is_the_default_where_the_existing_server_has_it_so() -> None:
    assert [load(port=zero).port for zero in ("0", "0.0", "00", "-0")] == [3000] * 4


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("node_env", "Production", "does not count as production"),
        ("attachment_blocked_mime_types", "text/html, exe", "'exe' is no media type"),
        ("ocr_default_provider", "baidu", "is not known, there is zhipu"),
    ],
)
def test_what_works_and_was_probably_meant_otherwise_is_a_warning(name: str, value: str, says: str) -> None:
    [warning] = load(**{name: value}).doubts
    assert name.upper() in warning and says in warning


def test_a_value_that_may_hold_a_password_is_not_repeated() -> None:
    assert "hidden-word" not in refused("public_url", "https://me:hidden-word@example.org")
    assert "hidden-word" not in refused("openai_base_url", "htp://me:hidden-word@example.org")


def test_a_long_value_is_cut() -> None:
    assert len(refused("port", "x" * 500)) < 200
