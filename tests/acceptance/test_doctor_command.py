"""`aimo doctor` beside a running server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.server import AIMO, Server, environment


def run_doctor(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(AIMO), "doctor", *arguments],
        env=environment({**server.settings, "COLUMNS": "200"}),
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_doctor_passes_a_sound_server_and_repairs_a_broken_one(server: Callable[..., Server]) -> None:
    running = server()
    alice = running.user()
    for number in range(5):
        alice.post("/memos", {"content": f"memo {number}", "tags": ["a", "b"]})
    kept = alice.post("/attachments/upload", files={"file": ("a.txt", b"bytes", "text/plain")}).data["attachment"]
    sound = run_doctor(running)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert sound.stdout.count("holds") == 9
    files = running.data_dir / "attachments"
    [stored] = files.rglob(f"{kept['attachmentId']}*")
    stored.rename(Path(f"{stored}.away"))
    broken = run_doctor(running, "--repair")
    assert broken.returncode == 1
    assert kept["attachmentId"] in broken.stdout
    Path(f"{stored}.away").rename(stored)
    assert run_doctor(running).returncode == 0
