"""Take pictures of every page in both themes, sizes and languages: `make web-pictures`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.browser import Browser
from tests.support.server import AIMO, Server, environment

from .pages import PAGES
from .screen import SIZES, Screen

PASSWORD = "a quiet harbour"
EMAIL = "demo@example.org"


def take(folder: Path) -> None:
    """Start a server with the demo data, look at every page, and leave `page-size-theme-language.png` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, Browser() as browser:
        server = Server(Path(scratch), {})
        command = [str(AIMO), "seed", "--email", EMAIL, "--password", PASSWORD]
        subprocess.run(command, check=True, env=environment(server.settings), stdout=subprocess.DEVNULL)
        server.start()
        try:
            memos = server.client().login(EMAIL, PASSWORD).get("/memos", limit=100).data["items"]
            richest = max(memos, key=lambda memo: 3 * len(memo["attachments"]) + 2 * len(memo.get("relations", ())))
            shared = next(memo for memo in memos if memo["isPublic"])
            ids = {"memo": richest["memoId"], "public": shared["memoId"]}
            for language in ("en", "zh"):
                for size in SIZES:
                    look(browser, server, folder, size, language, ids)
        finally:
            server.close()


def look(browser: Browser, server: Server, folder: Path, size: str, language: str, ids: dict[str, str]) -> None:
    """Take the pictures of one size and language."""
    person = browser.person()
    screen = Screen(browser, person, server.url, size, language)
    screen.go("/login")
    screen.wait("document.activeElement?.name === 'email'")
    pictured(screen, folder, f"login-{size}", language)
    screen.type(EMAIL)
    screen.key("Tab")
    screen.type(PASSWORD)
    screen.key("Enter")
    screen.wait("document.querySelector('.card') !== null")
    for name, path in PAGES.items():
        screen.go(path.format(**ids))
        screen.wait("document.querySelector('main h1') !== null && !document.querySelector('.skeleton')")
        pictured(screen, folder, f"{name}-{size}", language)
    person.close()


def pictured(screen: Screen, folder: Path, name: str, language: str) -> None:
    """Take the pictures of both themes."""
    for theme in ("light", "dark"):
        screen.theme(theme)
        screen.wait("new Promise((done) => setTimeout(() => done(true), 700))")
        screen.picture(folder / f"{name}-{theme}-{language}.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]))
