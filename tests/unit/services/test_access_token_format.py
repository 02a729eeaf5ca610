"""A personal access token is recognized, checked and stored by its parts."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimo.errors import AimoError
from aimo.services.accounts.access_token_format import new_token, read_token
from aimo.services.accounts.token_scopes import TokenScope, parsed, require_scopes, stored


def test_a_new_token_is_read_as_the_parts_it_was_made_of() -> None:
    token, parts = new_token()
    assert token.startswith("aimo_pat_")
    assert len(token) == 70
    assert read_token(token) == parts
    secret = token.removeprefix("aimo_pat_" + parts.token_id.removeprefix("pat"))[:32]
    assert parts.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in "".join(parts)


def test_no_token_is_given_twice() -> None:
    tokens = [new_token() for _ in range(200)]
    assert len({value for value, _ in tokens} | {parts.token_id for _, parts in tokens}) == 400


@pytest.mark.parametrize("position", range(70))
def test_a_mistyped_token_is_none_before_anybody_is_asked(position: int) -> None:
    token, _ = new_token()
    other = "x" if token[position] != "x" else "y"
    assert read_token(token[:position] + other + token[position + 1 :]) is None
    assert read_token(token[:position] + token[position + 1 :]) is None


@given(st.text())
def test_any_text_after_the_prefix_is_no_token(text: str) -> None:
    assert read_token("aimo_pat_" + text) is None


def test_scopes_survive_being_stored_and_unknown_ones_allow_nothing() -> None:
    assert parsed(stored(tuple(TokenScope))) == frozenset(TokenScope)
    assert parsed("memos:read memos:everything memos") == {TokenScope.MEMOS_READ}


@pytest.mark.parametrize("names", [None, [], "memos:read", ["memos:read", "root"], [["memos:read"]], [1], {}])
def test_scopes_that_are_none_are_refused_by_naming_those_that_are(names: object) -> None:
    with pytest.raises(AimoError, match=r"memos:read, memos:write, memos:delete, ai, export"):
        require_scopes(names)
