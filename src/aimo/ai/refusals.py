"""What a refusal means, by the words of the provider: the same status stands for many things, and many for the same."""

from __future__ import annotations

import re

# Statuses that say when to come back, who may come, or that a gateway failed, whatever the words are.
_OTHER_STATUSES = frozenset({401, 402, 403, 407, 408, 409, 425, 429, 502, 503, 504, 529})

_PARAMETERS = {
    "dimensions": re.compile(r"dimension|matryoshka|output_dim|custom embedding size|维度", re.IGNORECASE),
    "encoding_format": re.compile(r"encoding[ _-]?format|base64|编码格式", re.IGNORECASE),
    "temperature": re.compile(r"temperature|sampling param|温度", re.IGNORECASE),
    "system": re.compile(
        r"(system|developer)\W{0,3} ?(role|message|prompt|instruction)"
        r"|roles?\W+(\w+\W+){0,5}(system|developer)\b"
        r"|(system|developer)\W+(\w+\W+){0,4}roles?\b"
        r"|messages\W{0,2}0\W{0,3}role|roles must alternate|角色.{0,20}system|system.{0,10}角色"
        r"|only (user and assistant|assistant and user) roles|first message must be|invalid value\W{1,3}system\b"
        r"|系统(提示词|消息|角色)|首条消息",
        re.IGNORECASE,
    ),
    "stream": re.compile(
        r"\bstream(ing)?\b.{0,60}(not |n't |unsupported|verified|disabled|false)"
        r"|(not |n't |unsupported|verified to|disable).{0,60}\bstream"
        r"|\bstream(ing)?\b.{0,10}不|不.{0,10}(\bstream|流式)",
        re.IGNORECASE,
    ),
}
_STREAM_ONLY = re.compile(
    r"only.{0,30}\bstream|non.?stream|stream.{0,40}(required|must be (set to )?true|is true)"
    r"|(require|must|enable).{0,30}\bstream|enable.thinking|stream ?= ?false|仅支持流式|只支持.{0,10}流",
    re.IGNORECASE,
)
_UNNAMED = re.compile(
    r"extra (fields|inputs)|unknown (field|param|argument|name)|unrecognized|unexpected (field|param|argument|keyword)"
    r"|unsupported (param|field|argument)|参数",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"too[ _-](long|large)|too many tokens|n_ctx|(context|sequence|prompt).{0,12}(length|size|window|overflow)"
    r"|(tokens?|characters)\b.{0,60}(limit|exceed|maximum|less than|fewer than|at most|allowed|up to)"
    r"|(limit|exceed|maximum|less than|fewer than|at most|\bmax|up to).{0,60}(tokens?|characters)\b"
    r"|(input|text|prompt|content)s?.{0,20}length|(length|size).{0,40}(exceed|limit|range|maximum)"
    r"|exceed.{0,40}(length|size|limit|maximum|window)|(shorten|reduce) (the|your) (length|input|prompt|text)"
    r"|above_max_length|context_length|context_size|payload|max_seq_len|max_position"
    r"|超长|过长|太长|过大|太大|(最多|不能超过|不超过).{0,15}(token|字符|个字)|token.{0,4}(数量?)?.{0,4}超|长度应|(超过|超出|大于).{0,15}(长度|限制|上限|最大|窗口|token)|长度.{0,15}(超|限制|上限|范围|不能)",
    re.IGNORECASE,
)
_TOO_MANY = re.compile(
    r"(?<!physical )batch.?size|\bbatch\b.{0,40}(large|max|limit|at most|exceed)"
    r"|(too many|at most|maximum|more than|up to|exceed|limit).{0,40}"
    r"(\binputs\b|\bitems|texts|requests|documents|elements|entries|array|批)"
    r"|array.{0,40}(max|at most|too long|length)|(条数|(?<!token)(?<!tokens)数量|批次|数组).{0,20}(超|限|最)",
    re.IGNORECASE,
)
_SINGLE = re.compile(
    r"must be a (single )?string|(single|one) (input|text|string)|not.{0,20}(array|list|batch)|expected (a )?string"
    r"|valid string",
    re.IGNORECASE,
)
_TOKENS = re.compile(
    r"(\d[\d,]{1,9})\s*(?:input |prompt )?(?:tokens?|characters)\b"
    r"|(?:length|limit|tokens|size)\D{0,24}?(\d[\d,]{1,9})",
    re.IGNORECASE,
)
# What is used up, and not what is too long: limits of an account.
_QUOTA = re.compile(
    r"\b(plan|quota|billing|balance|credits?|subscription)\b|per (minute|hour|day|month)|this month"
    r"|额度|余额|配额|欠费|每分钟",
    re.IGNORECASE,
)
_FORBIDDEN = 403
_BAD_REQUEST = frozenset({400, 422})
# What no parameter changes.
_ACCOUNT = re.compile(
    r"api.?key|\bmodel\b.{0,40}(not found|not exist|unknown)|(unknown|no such|invalid) model", re.IGNORECASE
)
_COUNT = re.compile(r"\d{1,4}")


def may_name_a_parameter(status: int | None) -> bool:
    """Return whether the words count for parameters: some providers forbid them, others call them not allowed."""
    return status == _FORBIDDEN or may_mean_anything(status)


def is_unexplained(words: str, status: int | None) -> bool:
    """Return whether what was sent is at fault, and the words name nothing that is known."""
    return status in _BAD_REQUEST and not (is_too_long(words, status) or is_too_many(words) or _ACCOUNT.search(words))


def may_mean_anything(status: int | None) -> bool:
    """Return whether the words count: not for statuses with a meaning of their own."""
    return status is None or status not in _OTHER_STATUSES


def refused_parameter(words: str, sent: frozenset[str]) -> str | None:
    """Return which of the parameters that were sent a refusal names; None when it names none of them."""
    named = [name for name in _PARAMETERS if name in sent and _PARAMETERS[name].search(words)]
    return named[0] if named else None


def wants_stream(words: str) -> bool:
    """Return whether the provider answers this model's prompts by streams only."""
    return _STREAM_ONLY.search(words) is not None


def refuses_something_unnamed(words: str) -> bool:
    """Return whether a parameter is refused and not named in words that are known."""
    return _UNNAMED.search(words) is not None


def is_too_long(words: str, status: int | None) -> bool:
    """Return whether a text, or all texts of a call together, are too long for the model."""
    return status in (413, 414) or (_TOO_LONG.search(words) is not None and _QUOTA.search(words) is None)


def is_too_many(words: str) -> bool:
    """Return whether there were more texts than one call may have."""
    return _TOO_MANY.search(words) is not None or is_single_only(words)


def is_single_only(words: str) -> bool:
    """Return whether the provider wants one text, and not a list."""
    return _SINGLE.search(words) is not None


def most_texts(words: str, sent: int) -> int:
    """Return how many texts a call may have: the number named, else half of those sent."""
    if is_single_only(words):
        return 1
    named = [int(number) for number in _COUNT.findall(words) if 0 < int(number) < sent]
    return max(named, default=max(1, sent // 2)) if len(named) <= 2 else max(1, sent // 2)


def token_limit(words: str) -> tuple[int, int | None] | None:
    """Return the most tokens a text may have, and how many this one has where that is named, too."""
    found = [int((first or second).replace(",", "")) for first, second in _TOKENS.findall(words)]
    numbers = sorted({number for number in found if 16 <= number <= 10_000_000})
    if not numbers:
        return None
    return numbers[0], numbers[-1] if len(numbers) == 2 else None
