"""Every page, in both themes and sizes: accessible, quiet, nothing from elsewhere, nothing wider than the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.browser import Browser
from tests.support.server import Server

from .furniture import make_due, notify
from .pages import PAGES
from .screen import Screen

Furnished = tuple[Screen, dict[str, str]]

# What can be used and sticks out of the box that it stands in, or touches its border.
STICKING_OUT = """[...document.querySelectorAll("main :is(.card, .composer) :is(a, button, input, select)")]
  .filter((one) => {
    const box = one.closest(".card, .composer").getBoundingClientRect();
    const { left, right, width } = one.getBoundingClientRect();
    return width > 0 && (right > box.right - 3 || left < box.left + 3);
  })
  .map((one) => one.outerHTML)"""


@pytest.fixture(scope="module", params=["desktop", "telephone"])
def furnished(request: pytest.FixtureRequest, browser: Browser, client_server: Server) -> Iterator[Furnished]:
    """A tab of somebody who has memos of all kinds, and ids of what they have."""
    email = f"furnished-{request.param}@example.org"
    somebody = client_server.client().register(email, "a quiet harbour").login(email, "a quiet harbour")
    walk = {"content": "Walked in the rain. 雨后的巷子。", "tags": ["walks"]}
    first = somebody.post("/memos", walk).data["memo"]["memoId"]
    text = "## Notes\n\n- [ ] one\n- [x] two\n\n> quoted\n\n`code` and **bold** https://example.org"
    text += "\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    memo = somebody.post("/memos", {"content": text, "relationIds": [first], "isPublic": True}).data["memo"]["memoId"]
    gone = somebody.post("/memos", {"content": "not needed any more"}).data["memo"]["memoId"]
    somebody.delete(f"/memos/{gone}")
    somebody.post("/review/profiles", {"name": "By the harbour, where the ferries come in"})
    review = somebody.post("/review/sessions", {"scope": "all"}).data["sessionId"]
    make_due(client_server, somebody)
    notify(client_server, somebody, f"furnished-{request.param}", "One memo is due", "Walked in the rain", first)
    person = browser.person()
    page = Screen(browser, person, client_server.url, request.param)
    page.log_in(email)
    yield page, {"memo": memo, "public": memo, "review": review}
    person.close()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_are_accessible_and_quiet(furnished: Furnished, name: str) -> None:
    page, ids = furnished
    page.complaints()
    for theme in ("light", "dark"):
        page.theme(theme)
        if theme == "light":
            page.go(PAGES[name].format(**ids))
        page.wait("document.querySelector('main h1') !== null && !document.querySelector('.skeleton')")
        page.wait("new Promise((done) => setTimeout(() => done(true), 350))")
        assert page.violations() == [], (name, theme)
    assert page.run("document.documentElement.scrollWidth <= innerWidth"), "it is wider than the window"
    assert page.run(STICKING_OUT) == []
    assert page.complaints() == []


def test_a_narrow_window_needs_no_sideways_scrolling(furnished: Furnished) -> None:
    page, ids = furnished
    page.page.command("Emulation.setDeviceMetricsOverride", width=320, height=640, deviceScaleFactor=1, mobile=True)
    for path in ("/", "/m/{memo}", "/search?q=rain", "/more", "/review", "/review/{review}", "/notifications"):
        page.go(path.format(**ids))
        page.wait("document.querySelector('main h1') !== null && !document.querySelector('.skeleton')")
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.run(STICKING_OUT) == [], path
