"""A file of settings in another encoding is one line that says how to convert it; marks of editors do no harm."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aimo import config
from aimo.errors import ConfigurationError

TEXT = "# 数据库\nOPENAI_MODEL=模型\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("OPENAI_MODEL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused() -> str:
    with pytest.raises(ConfigurationError) as found:
        config.load()
    text = str(found.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", [".env", ".env.development"])
@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_another_encoding_is_told_with_the_command_that_converts_it(folder: Path, name: str, encoding: str) -> None:
    (folder / name).write_bytes(TEXT.encode(encoding))
    text = refused()
    assert text.startswith(f"{name} is not UTF-8 ({'see line 1' if encoding == 'gbk' else encoding[:6].upper()}): ")
    subprocess.run(text.partition("`")[2].partition("`")[0], shell=True, check=True)
    assert config.load().openai_model == "模型"


def test_latin_1_names_the_line_and_is_not_called_gbk(folder: Path) -> None:
    (folder / ".env").write_bytes("PORT=3000\n# café\n".encode("latin-1"))
    text = refused()
    assert text.startswith(".env is not UTF-8 (see line 2): save it as UTF-8") and "GBK" not in text
    subprocess.run(text.partition("`")[2].partition("`")[0], shell=True, check=True)
    assert (folder / ".env").read_text(encoding="utf-8") == "PORT=3000\n# café\n"


@pytest.mark.parametrize("encoding", ["latin-1", "gbk", "big5", "shift-jis", "cp1251", "utf-16", "utf-32-be", "zeros"])
def test_no_value_of_a_file_that_cannot_be_read_is_told(folder: Path, encoding: str) -> None:
    accented = {"latin-1": "é", "cp1251": "ж"}.get(encoding, "字")
    text = f"JWT_SECRET=hidden-word-{accented}\nPORT=4000\n"
    content = text.encode() + b"\0" * 7 if encoding == "zeros" else text.encode(encoding)
    (folder / ".env").write_bytes(content)
    told = refused()
    assert "hidden" not in told and accented not in told and "0x" not in told
    assert told.startswith(".env is no text: " if encoding == "zeros" else ".env is not UTF-8 (")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_mark_at_the_beginning_does_not_hide_the_first_variable(folder: Path, ends: str) -> None:
    (folder / ".env").write_bytes(f"OPENAI_MODEL=first{ends}PORT=4000{ends}".encode("utf-8-sig"))
    assert (config.load().openai_model, config.load().port) == ("first", 4000)


def test_a_folder_of_that_name_is_no_file_of_settings(folder: Path) -> None:
    (folder / ".env").mkdir()
    assert config.load().port == 3000


def test_bytes_in_the_environment_that_are_no_text_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_MODEL", os.fsdecode(b"caf\xe9"))
    assert refused() == "OPENAI_MODEL holds bytes that are not UTF-8; set it again in UTF-8"


def test_a_pipe_in_place_of_the_file_is_told(folder: Path) -> None:
    os.mkfifo(folder / ".env")
    assert refused().startswith(".env is no file: ")


def test_modes_of_encryption_may_be_written_as_mysql_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_SSL_MODE", "VERIFY_CA")
    assert config.load().mysql_ssl_mode == "verify_ca"
