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

_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


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
    if b"\0" in content or content.startswith(tuple(_MARKS)):
        byte_order = "BE" if content.startswith((codecs.BOM_UTF16_BE, b"\0")) else "LE"
        marked = content.startswith(tuple(_MARKS))
        raise _in_another_encoding(path, "UTF-16", "UTF-16" if marked else f"UTF-16{byte_order}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"line {line} holds the byte 0x{content[error.start]:02x}, as in GBK or Latin-1"
        raise _in_another_encoding(path, found, "GBK") from None


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


def _in_another_encoding(path: Path, found: str, encoding: str) -> ConfigurationError:
    name, converted = shlex.quote(str(path)), shlex.quote(f"{path}.utf8")
    return ConfigurationError(
        f"{path} is not UTF-8 ({found}): save it as UTF-8 in the editor, or run "
        f"`iconv -f {encoding} -t UTF-8 {name} > {converted} && mv {converted} {name}`"
    )


class SettingsFiles(DotEnvSettingsSource):
    """``.env`` and ``.env.{NODE_ENV}``, in which a dollar sign is a dollar sign: a secret may hold one."""

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        values = dotenv_values(stream=StringIO(read_settings_file(file_path), newline=None), interpolate=False)
        return {name.lower(): value for name, value in values.items() if value}
