"""The documents say what the code does: nothing is left out, nothing is out of date."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from aimo import config

ROOT = Path(__file__).resolve().parents[2]
FIELDS = {name.upper(): field for name, field in config.Settings.model_fields.items()}
DEFAULTS = config.load(_env_file=None)

ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+?) \| (?:`(.*?)`|–) \| (.+) \|$", re.MULTILINE)
EXAMPLE = re.compile(r"^#([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)

TABLE = {row[0]: row for row in ROW.findall((ROOT / "docs/settings.md").read_text(encoding="utf-8"))}
EXAMPLES = dict(EXAMPLE.findall((ROOT / ".env.example").read_text(encoding="utf-8")))


def is_secret(name: str) -> bool:
    annotation = FIELDS[name].annotation
    return SecretStr in (annotation, *get_args(annotation))


def test_every_setting_is_in_the_settings_page_and_no_other() -> None:
    assert sorted(TABLE) == sorted(FIELDS)


def test_every_setting_is_in_the_example_file_and_no_other() -> None:
    assert sorted(EXAMPLES) == sorted(FIELDS)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_documented_default_is_the_real_one(name: str) -> None:
    _, kind, default, _ = TABLE[name]
    assert EXAMPLES[name] == default, "the settings page and the example file differ"
    assert ("**secret**" in kind) == is_secret(name)
    value = getattr(DEFAULTS, name.lower())
    if default == "":
        assert value in (None, "", SecretStr(""))
    else:
        assert getattr(config.load(_env_file=None, **{name.lower(): default}), name.lower()) == value


def test_the_example_file_uncommented_changes_nothing(tmp_path: Path) -> None:
    copy = tmp_path / ".env"
    copy.write_text("\n".join(f"{name}={value}" for name, value in EXAMPLES.items()), encoding="utf-8")
    assert config.load(_env_file=copy) == DEFAULTS


def test_every_make_target_is_documented() -> None:
    targets = re.findall(r"^([a-z-]+):.*?## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    pages = "".join(page.read_text(encoding="utf-8") for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    assert targets
    assert [target for target in targets if f"`make {target}`" not in pages] == []
