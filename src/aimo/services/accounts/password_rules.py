"""What a new password must be. Old ones stay as they are: nothing here is asked when somebody logs in."""

from __future__ import annotations

from enum import Enum
from functools import cache

from aimo.threads import TEXTS

SHORTEST_BYTES = 8
# Bcrypt takes no more into account, so what follows would protect nothing.
LONGEST_BYTES = 72


class PasswordRuleViolation(Enum):
    """A rule that a password breaks, with the texts that say so."""

    TOO_SHORT = (f"Password must have at least {SHORTEST_BYTES} bytes", f"新密码长度至少{SHORTEST_BYTES}个字节")
    TOO_LONG = (f"Password must have at most {LONGEST_BYTES} bytes", f"新密码长度最多{LONGEST_BYTES}个字节")
    COMMON = ("Password is one of the most common ones, choose another", "新密码过于常见，请换一个")

    def __init__(self, english: str, chinese: str) -> None:
        self.english = english
        self.chinese = chinese


async def find_violation(password: str) -> PasswordRuleViolation | None:
    """Return the rule that a new password breaks, None for a good one."""
    size = len(password.encode("utf-8", "surrogatepass"))
    if size < SHORTEST_BYTES:
        return PasswordRuleViolation.TOO_SHORT
    if size > LONGEST_BYTES:
        return PasswordRuleViolation.TOO_LONG
    # The first time, this reads a file.
    common = await TEXTS.run(_common)
    return PasswordRuleViolation.COMMON if password.casefold() in common or len(set(password)) == 1 else None


@cache
def _common() -> frozenset[str]:
    """Return the most common passwords, casefolded. Loaded when first needed: it takes 20 ms and 14 MB."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]

    return frozenset(word.casefold() for word in FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST_BYTES)
