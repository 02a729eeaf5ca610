"""The quick start of the README, run as it stands there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.server import Server

ROOT = Path(__file__).resolve().parents[2]


def session() -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", readme, re.S)
    return next(block for block in blocks if block.startswith("API="))


def test_quick_start_works_as_written(server: Callable[..., Server], tmp_path: Path) -> None:
    running = server()
    script = session().replace("http://127.0.0.1:3000", running.url)
    assert shutil.which("curl"), "the quick start needs curl"

    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)

    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert lines[-1] == "milk, eggs, chocolate"
    # Registering and logging in leave their answers on the same line as the first search.
    answers = [json.loads(line) for line in re.findall(r"^\{.*\}$", "\n".join(split(lines[:-1])), re.M)]
    searches = [answer for answer in answers if "items" in (answer["data"] or {})]
    found = [answer["data"]["items"][0]["content"] for answer in searches]
    assert found == [
        "Booked a flight to Tokyo for the cherry blossoms",
        "今天早起去河边跑了五公里，感觉精神很好",
        "红烧肉的秘诀是先煎后炖，最后收汁",
        "Cancelled two subscriptions nobody used",
        "数据库备份每天凌晨两点运行，保留十四天",
    ]
    assert searches[0]["data"]["pagination"]["total"] == 20
    snippet = searches[4]["data"]["items"][0]["snippet"]
    assert [snippet["text"][start:end] for start, end in snippet["marks"]] == ["备份"]


def split(lines: list[str]) -> list[str]:
    """One envelope a line: curl without a line feed at the end puts two side by side."""
    return "\n".join(lines).replace('}{"code"', '}\n{"code"').splitlines()
