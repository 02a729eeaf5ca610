"""What refusals mean, in the words of providers that are known and of others."""

from __future__ import annotations

import pytest

from aimo.ai import refusals

EVERY = frozenset({"dimensions", "encoding_format", "temperature", "system"})


@pytest.mark.parametrize(
    ("words", "parameter"),
    [
        ("Only user and assistant roles are supported!", "system"),
        ("the role of first message must be user", "system"),
        ("不支持系统提示词", "system"),
        ("首条消息必须为user", "system"),
        ("Invalid value: 'system'. Supported values are: 'user', 'assistant'", "system"),
        ("该模型不支持调整温度", "temperature"),
        ("温度参数不支持修改", "temperature"),
        ("不支持自定义向量维度", "dimensions"),
        ("does not support custom embedding sizes", "dimensions"),
        ("编码格式不支持", "encoding_format"),
        ("content rejected by moderation", None),
        ("model overloaded", None),
    ],
)
def test_refused_parameters_are_recognised(words: str, parameter: str | None) -> None:
    assert refusals.refused_parameter(words, EVERY) == parameter


@pytest.mark.parametrize(
    "words",
    [
        "最多支持512个token",
        "单条文本不能超过256个字符",
        "输入太大",
        "输入长度应在1到256之间",
        "tokens数量超限",
        "Too many tokens",
        "input_too_long",
        "n_tokens > n_ctx",
        "maximum context length is 512 tokens",
    ],
)
def test_texts_too_long_are_recognised(words: str) -> None:
    assert refusals.is_too_long(words, 400)
    assert not refusals.is_too_many(words)


@pytest.mark.parametrize(
    "words",
    [
        "You have exceeded the token limit of your plan for this month",
        "Token limit exceeded: 40000 tokens per minute",
        "您的额度已超过上限",
        "quota exceeded, at most 1000000 tokens",
    ],
)
def test_what_is_used_up_is_not_too_long(words: str) -> None:
    assert not refusals.is_too_long(words, 400)
