"""`aimo check providers` says what works with the configured providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.dialect_rules import Dialect, always, openai
from tests.support.dialect_server import DialectServer
from tests.support.dialects import PROVIDERS

from aimo import config
from aimo.cli import check
from aimo.runtime.provider_checks import ProviderCheck, check_providers

Load = Callable[[str], config.Settings]
KEY = "secret-key-of-a-test"


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    refuses = (always(401, openai(f"no such key {KEY}")),)
    server = DialectServer({**PROVIDERS, "refuses": Dialect(refuses, refuses)})
    yield lambda name: config.load(
        _env_file=None,
        aimo_data_dir=tmp_path,
        openai_api_key=KEY,
        openai_base_url=server.url(name),
        openai_embedding_dimensions=16,
    )
    server.close()


async def test_what_works_is_said_with_what_was_left_out(load: Load) -> None:
    found = {item.name: item for item in await check_providers(load("vllm"))}
    assert [item.works for item in found.values()] == [True] * 4
    assert "without dimensions" in found["embeddings"].details
    assert "2 tags" in found["tags"].details


async def test_what_fails_is_said_with_the_reason_and_without_the_key(load: Load) -> None:
    found = await check_providers(load("refuses"))
    assert [item.works for item in found] == [False] * 4
    assert all("HTTP 401: no such key […]; check OPENAI_API_KEY" in item.details for item in found)


def test_the_command_fails_when_something_does(
    load: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = [ProviderCheck("chat", "here", True, "it answers")]

    async def found(settings: config.Settings) -> list[ProviderCheck]:
        return checks

    monkeypatch.setattr(check, "check_providers", found)
    settings = load("vllm")
    monkeypatch.setattr(config, "load", lambda: settings)
    check.providers()
    assert "it answers" in capsys.readouterr().out
    checks.append(ProviderCheck("tags", "here", False, "no"))
    with pytest.raises(SystemExit):
        check.providers()
