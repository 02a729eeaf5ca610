"""Take pictures of every page in both themes, sizes and languages, and those of the README: `make web-pictures`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from tests.support.browser import Browser
from tests.support.client import Client
from tests.support.server import AIMO, Server, environment

from .furniture import make_due, notify
from .pages import PAGES
from .screen import ROOT, SIZES, Screen

PASSWORD = "a quiet harbour"
EMAIL = "demo@example.org"
README = {"desktop": ("light", "en"), "telephone": ("dark", "zh")}
"""The theme and language of each picture in the README, by size."""


def take(folder: Path | None) -> None:
    """Start a server with the demo data and take the pictures of the README.

    With a folder, look at every page, too, and leave `page-size-theme-language.png` there.
    """
    with tempfile.TemporaryDirectory() as scratch, Browser() as browser:
        server = Server(Path(scratch), {}).start()
        try:
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
                for size, language in product(SIZES, ("en", "zh")):
                    look_at_a_new_one(browser, server, folder, size, language)
            server.kill()
            command = [str(AIMO), "seed", "--email", EMAIL, "--password", PASSWORD]
            subprocess.run(command, check=True, env=environment(server.settings), stdout=subprocess.DEVNULL)
            server.start()
            api = server.client().login(EMAIL, PASSWORD)
            memos = api.get("/memos", limit=100).data["items"]
            richest = max(memos, key=lambda memo: 3 * len(memo["attachments"]) + 2 * len(memo.get("relations", ())))
            shared = next(memo for memo in memos if memo["isPublic"])
            ids = {"memo": richest["memoId"], "public": shared["memoId"], "review": furnish(server, api, memos[1])}
            for size, (theme, language) in README.items():
                screen = Screen(browser, browser.person(), server.url, size, language)
                screen.log_in(EMAIL, PASSWORD)
                screen.theme(theme)
                settle(screen)
                screen.picture(ROOT / "docs" / f"web-{size}.webp")
            if folder:
                for size, language in product(SIZES, ("en", "zh")):
                    look(browser, server, folder, size, language, ids)
        finally:
            server.close()


def furnish(server: Server, api: Client, memo: dict[str, Any]) -> str:
    """Make what the demo data lacks: cards that are due, notifications, questions; return the id of the latter."""
    api.post("/review/profiles", {"name": "The last month", "questionCount": 5})
    session: str = api.post("/review/sessions", {"scope": "all"}).data["sessionId"]
    first = api.get(f"/review/sessions/{session}").data["items"][0]["itemId"]
    api.post(f"/review/sessions/{session}/answer", {"itemId": first, "answer": "I do not remember much of it"})
    api.post("/spaced-repetition/import-existing")
    make_due(server, api)
    for number in range(3):
        notify(server, api, f"demo-{number}", "One memo is due", memo["content"][:80], memo["memoId"])
    api.post("/notifications/demo-1/read")
    return session


def look_at_a_new_one(browser: Browser, server: Server, folder: Path, size: str, language: str) -> None:
    """Take the pictures of a server on which nobody has an account."""
    person = browser.person()
    screen = Screen(browser, person, server.url, size, language)
    screen.go("/")
    screen.wait("location.pathname === '/register' && document.activeElement?.name === 'email'")
    pictured(screen, folder, f"first-{size}", language)
    person.close()


def look(browser: Browser, server: Server, folder: Path, size: str, language: str, ids: dict[str, str]) -> None:
    """Take the pictures of one size and language."""
    person = browser.person()
    screen = Screen(browser, person, server.url, size, language)
    screen.go("/login")
    screen.wait("document.activeElement?.name === 'email'")
    pictured(screen, folder, f"login-{size}", language)
    screen.log_in(EMAIL, PASSWORD)
    for name, path in PAGES.items():
        screen.go(path.format(**ids))
        screen.wait("document.querySelector('main h1') !== null && !document.querySelector('.skeleton')")
        pictured(screen, folder, f"{name}-{size}", language)
    person.close()


def settle(screen: Screen) -> None:
    """Wait for pictures and transitions."""
    screen.wait("new Promise((done) => setTimeout(() => done(true), 700))")


def pictured(screen: Screen, folder: Path, name: str, language: str) -> None:
    """Take the pictures of both themes."""
    for theme in ("light", "dark"):
        screen.theme(theme)
        settle(screen)
        screen.picture(folder / f"{name}-{theme}-{language}.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
