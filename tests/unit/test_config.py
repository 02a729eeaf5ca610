"""Settings mean what they mean to the existing server (docs/settings.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimo import config
from aimo.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the server is started, with nothing in the environment."""
    for name in ("NODE_ENV", "JWT_SECRET", "OPENAI_MODEL", "OCR_DEFAULT_PROVIDER", "FUN_ASR_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("secret", ["ab${cd}ef$xy$", "$HOME", "a#b"])
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_secret_in_a_file_is_taken_as_it_is(folder: Path, secret: str, quote: str) -> None:
    (folder / ".env").write_text(f"JWT_SECRET={quote}{secret}{quote}\n")
    assert config.load().jwt_secret.get_secret_value() == secret


def test_the_environment_wins_over_the_general_file_and_that_over_the_mode_s(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("OPENAI_MODEL=general\nOCR_DEFAULT_PROVIDER=general\n")
    (folder / ".env.development").write_text("OPENAI_MODEL=dev\nOCR_DEFAULT_PROVIDER=dev\nFUN_ASR_MODEL=dev\n")
    (folder / ".env.production").write_text("FUN_ASR_MODEL=prod\n")
    monkeypatch.setenv("OPENAI_MODEL", "environment")
    settings = config.load()
    assert (settings.openai_model, settings.ocr_default_provider, settings.fun_asr_model) == (
        "environment",
        "general",
        "dev",
    )
    monkeypatch.setenv("NODE_ENV", "production")
    assert config.load().fun_asr_model == "prod"


def test_the_general_file_may_choose_the_mode(folder: Path) -> None:
    (folder / ".env").write_text("NODE_ENV=production\n")
    (folder / ".env.production").write_text("FUN_ASR_MODEL=prod\n")
    assert config.load().fun_asr_model == "prod"


def test_zero_is_the_default_where_the_existing_server_has_it_so(folder: Path) -> None:
    zeros = ["PORT", "LANCEDB_VERSION_RETENTION_DAYS", "ATTACHMENT_MAX_FILE_SIZE", "MULTIMODAL_EMBEDDING_VIDEO_FPS"]
    (folder / ".env").write_text("".join(f"{name}=0\n" for name in zeros))
    settings = config.load()
    assert (settings.port, settings.lancedb_version_retention_days) == (3000, 7)
    assert (settings.attachment_max_file_size, settings.multimodal_embedding_video_fps) == (52_428_800, 0.5)


def test_an_invalid_number_stops_the_start_and_names_the_setting(folder: Path) -> None:
    (folder / ".env").write_text("ATTACHMENT_MAX_FILE_SIZE=50MB\n")
    with pytest.raises(ConfigurationError, match="ATTACHMENT_MAX_FILE_SIZE"):
        config.load()


@pytest.mark.parametrize("name", ["LANCEDB_S3_ENDPOINT", "ATTACHMENT_S3_ENDPOINT", "ATTACHMENT_OSS_ENDPOINT"])
def test_an_address_with_a_password_is_refused_without_repeating_it(folder: Path, name: str) -> None:
    (folder / ".env").write_text(f"{name}=http://user:hunter2@minio.example\n")
    with pytest.raises(ConfigurationError, match=name) as refused:
        config.load()
    assert "hunter2" not in str(refused.value)
