"""New passwords are neither short, nor longer than a hash reaches, nor among the first that everybody tries."""

from __future__ import annotations

import pytest

from aimo.services.accounts.password_rules import PasswordRuleViolation, find_violation


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        ("", PasswordRuleViolation.TOO_SHORT),
        ("kx7-Qm2", PasswordRuleViolation.TOO_SHORT),
        ("密码", PasswordRuleViolation.TOO_SHORT),
        ("kx7-Qm2v", None),
        ("纸箱饺", None),
        ("kx7-Qm2v" * 9, None),
        ("kx7-Qm2v" * 9 + "x", PasswordRuleViolation.TOO_LONG),
        ("纸箱饺子好吃" * 5, PasswordRuleViolation.TOO_LONG),
        ("password", PasswordRuleViolation.COMMON),
        ("PassWord1", PasswordRuleViolation.COMMON),
        ("12345678", PasswordRuleViolation.COMMON),
        ("88888888", PasswordRuleViolation.COMMON),
        ("1qaz2wsx", PasswordRuleViolation.COMMON),
        ("        ", PasswordRuleViolation.COMMON),
        ("Passw0rd", PasswordRuleViolation.COMMON),
    ],
)
async def test_a_new_password_keeps_the_rules(password: str, broken: PasswordRuleViolation | None) -> None:
    assert await find_violation(password) is broken


def test_the_list_is_long_enough_to_matter() -> None:
    from aimo.services.accounts.password_rules import _common

    assert len(_common()) > 10_000
