"""A broken build is found out: each patch in `mutations` breaks a promise, and the test that it names fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATCHES = sorted(Path(__file__).with_name("mutations").glob("*.patch"))
# What the tests need of pytest's plugins; loading the others takes longer than most of these tests.
PLUGINS = ("pytest_asyncio.plugin", "_hypothesis_pytestplugin")


@dataclass
class Mutation:
    """A patch, whose head says what it breaks, the test that fails, and what this says then (a regular expression)."""

    patch: Path
    test: str
    reason: str

    @classmethod
    def read(cls, patch: Path) -> Mutation:
        head = patch.read_text(encoding="utf-8").partition("\ndiff --git")[0]
        found = re.fullmatch(r"(?s).+\n\nTest: (.+)\nFails with: (.+)\n", head)
        assert found, f"{patch.name} does not say which test fails, and why"
        return cls(patch, *found.groups())

    def apply(self, folder: Path, *options: str) -> None:
        command = ["git", "apply", *options, str(self.patch)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{self.patch.name} has to be recreated:\n{done.stderr}"


def copy_of_the_source(folder: Path) -> Path:
    shutil.copytree(ROOT / "src", folder / "src")
    return folder


def test_every_mutation_applies_to_the_present_code(tmp_path: Path) -> None:
    copy = copy_of_the_source(tmp_path)
    for patch in PATCHES:
        Mutation.read(patch).apply(copy, "--check")
    assert len(PATCHES) >= 8


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_a_broken_build_is_found_out(patch: Path, tmp_path: Path) -> None:
    mutation = Mutation.read(patch)
    copy = copy_of_the_source(tmp_path)
    mutation.apply(copy)
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'tests'}"]
    for plugin in PLUGINS:
        command += ["-p", plugin]
    env = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        [*command, mutation.test], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, f"{mutation.test} does not notice:\n{done.stdout[-3000:]}"
    failure = [line for line in done.stdout.splitlines() if line.startswith("E ")]
    assert any(re.search(mutation.reason, line) for line in failure), (
        f"fails for another reason:\n{done.stdout[-5000:]}"
    )
    print(f"{patch.stem}: {mutation.test.rpartition('::')[2]} fails")
