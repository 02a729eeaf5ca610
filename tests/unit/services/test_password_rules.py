"""New passwords are neither short, nor longer than a hash reaches, nor among the first that everybody tries."""

from __future__ import annotations

import pytest

from aimo.services.accounts.password_rules import BrokenRule, broken_rule


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        ("", BrokenRule.TOO_SHORT),
        ("kx7-Qm2", BrokenRule.TOO_SHORT),
        ("密码", BrokenRule.TOO_SHORT),
        ("kx7-Qm2v", None),
        ("纸箱饺", None),
        ("kx7-Qm2v" * 9, None),
        ("kx7-Qm2v" * 9 + "x", BrokenRule.TOO_LONG),
        ("纸箱饺子好吃" * 5, BrokenRule.TOO_LONG),
        ("password", BrokenRule.COMMON),
        ("PassWord1", BrokenRule.COMMON),
        ("12345678", BrokenRule.COMMON),
        ("88888888", BrokenRule.COMMON),
        ("1qaz2wsx", BrokenRule.COMMON),
        ("        ", BrokenRule.COMMON),
        ("Passw0rd", BrokenRule.COMMON),
    ],
)
async def test_a_new_password_keeps_the_rules(password: str, broken: BrokenRule | None) -> None:
    assert await broken_rule(password) is broken


def test_the_list_is_long_enough_to_matter() -> None:
    from aimo.services.accounts.password_rules import _common

    assert len(_common()) > 10_000
