"""The key of tokens: generated once for a trial, demanded in production, and never a short one without a word."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from aimo.config import Settings
from aimo.errors import ConfigurationError
from aimo.signing_secret import PUBLISHED, require_secret, signing_secret

MakeSettings = Callable[..., Settings]


@pytest.mark.parametrize("secret", ["", PUBLISHED, "x" * 15])
def test_production_refuses_a_key_that_is_missing_known_or_short(settings: MakeSettings, secret: str) -> None:
    with pytest.raises(ConfigurationError, match=r"JWT_SECRET must be set .* A new one: python3 -c"):
        signing_secret(settings(node_env="production", jwt_secret=secret))


@pytest.mark.parametrize(("length", "warned"), [(16, True), (31, True), (32, False)])
def test_a_key_that_could_be_guessed_is_warned_of(settings: MakeSettings, length: int, warned: bool) -> None:
    with capture_logs() as logs:
        require_secret(settings(node_env="production", jwt_secret="x" * length))
    assert any("JWT_SECRET has fewer than 32 bytes" in entry["event"] for entry in logs) is warned
    assert "x" * length not in str(logs)


def test_without_a_key_one_is_generated_once(settings: MakeSettings) -> None:
    first = signing_secret(settings(jwt_secret=""))
    assert len(first) >= 32
    assert signing_secret(settings(jwt_secret="")) == first
