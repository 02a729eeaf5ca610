"""A processor that LanceDB is not compiled for is told, before the import that would kill the process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aimo import processor
from aimo.errors import ConfigurationError
from aimo.processor import missing_instructions, require_instructions

OLD = "processor\t: 0\nmodel name\t: Xeon X5650\nflags\t\t: fpu sse4_2 popcnt\nbugs\t\t: x\n\nprocessor\t: 1\n"
NEW = "processor\t: 0\nflags\t\t: fpu sse4_2 avx avx2 f16c fma bmi1 bmi2\n"


def test_what_is_missing_is_named() -> None:
    assert missing_instructions(OLD) == ("avx2", "fma", "f16c")
    assert missing_instructions(NEW.replace(" avx2", "")) == ("avx2",)
    assert missing_instructions(NEW) == ()


@pytest.mark.parametrize("text", ["", "processor\t: 0\nFeatures\t: fp asimd\n", "vmx flags\t: ept\n"])
def test_where_no_flags_are_listed_nothing_is_refused(text: str) -> None:
    assert missing_instructions(text) == ()


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    return tmp_path / "cpuinfo"


def test_an_old_processor_gets_a_sentence(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_instructions()
    cpuinfo.write_text(OLD)
    with pytest.raises(
        ConfigurationError, match=r"no AVX2, FMA, F16C, which LanceDB needs .* pip install lancedb-comp"
    ):
        require_instructions()
    monkeypatch.setattr(processor, "_is_installed", lambda package: package == "lancedb-compat")
    require_instructions()
    monkeypatch.undo()
    require_instructions()


def test_other_architectures_are_not_asked(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpuinfo.write_text(OLD)
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    require_instructions()


def test_the_command_line_asks_before_lancedb_is_imported() -> None:
    import subprocess

    script = (
        "import sys; from aimo import processor; from aimo.errors import ConfigurationError\n"
        "def refuse():\n"
        "    print('lancedb' in sys.modules); raise ConfigurationError('no AVX2')\n"
        "import aimo.cli.main as command; command.require_instructions = refuse; command.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "serve"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "False\n", "aimo: no AVX2\n")
