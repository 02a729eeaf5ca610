"""The text of ``.env``, whatever an editor has made of it."""

from __future__ import annotations

import codecs
import os
import shlex
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from pydantic_settings.sources import DotEnvSettingsSource

from aimo.errors import ConfigurationError

# Longest first: the mark of UTF-32 begins with that of UTF-16. With a mark, `iconv` finds the order of bytes by itself.
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_WIDE = ("UTF-32LE", "UTF-32BE", "UTF-16LE", "UTF-16BE")


def read_settings_file(path: Path) -> str:
    """Return the text of a file of settings, which is UTF-8, with or without the mark that editors put in front.

    Raises:
        ConfigurationError: it cannot be read, or is in another encoding; the text says how to convert it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}): run `chmod u+r {shlex.quote(str(path))}` as its owner"
        ) from error
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    if marked or b"\0" in content:
        wide = marked or next((name for name in _WIDE if _is_settings_in(name, content)), None)
        if wide is None:
            raise ConfigurationError(f"{path} is no text: it holds bytes of zero; write the settings again, as UTF-8")
        raise _in_another_encoding(path, wide[:6], _command(path, wide))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        # Nothing tells one of these from the other for certain.
        likely = "GBK" if _can_decode("gbk", content) else "ISO-8859-1"
        command = f"if it is {likely}, {_command(path, likely)}"
        raise _in_another_encoding(path, f"see line {line}", command) from None


def require_readable(file: str | Path | None, names: Iterable[str]) -> None:
    """Check a file of settings, if there is one, and the variables of these settings before a library reads them.

    Raises:
        ConfigurationError: as `read_settings_file` does, or a variable is not UTF-8; the text names it.
    """
    # A folder of that name may be a virtual environment.
    if file and Path(file).exists() and not Path(file).is_dir():
        if not Path(file).is_file():
            # A pipe, for instance, would be waited for.
            raise ConfigurationError(f"{file} is no file: remove it, or put the settings into a file of that name")
        read_settings_file(Path(file))
    for variable in map(str.upper, names):
        try:
            os.environ.get(variable, "").encode()
        except UnicodeEncodeError:
            raise ConfigurationError(f"{variable} holds bytes that are not UTF-8; set it again in UTF-8") from None


def _can_decode(encoding: str, content: bytes) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_settings_in(encoding: str, content: bytes) -> bool:
    """Return whether bytes read as lines of settings in an encoding without a mark, which hardly fits by chance."""
    if not _can_decode(encoding, content):
        return False
    text = content.decode(encoding)
    return "=" in text and "\0" not in text and sum(map(str.isascii, text)) * 2 > len(text)


def _command(path: Path, encoding: str) -> str:
    name, converted = shlex.quote(str(path)), shlex.quote(f"{path}.utf8")
    return f"run `iconv -f {encoding} -t UTF-8 {name} > {converted} && mv {converted} {name}`"


def _in_another_encoding(path: Path, found: str, command: str) -> ConfigurationError:
    return ConfigurationError(f"{path} is not UTF-8 ({found}): save it as UTF-8 in the editor, or {command}")


class SettingsFiles(DotEnvSettingsSource):
    """``.env`` and ``.env.{NODE_ENV}``, in which a dollar sign is a dollar sign: a secret may hold one."""

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        values = dotenv_values(stream=StringIO(read_settings_file(file_path), newline=None), interpolate=False)
        return {name.lower(): value for name, value in values.items() if value}
