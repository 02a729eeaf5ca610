"""The client starts, or says why not: a page never stays empty."""

from __future__ import annotations

from .conftest import Open


def test_a_part_that_cannot_be_loaded_is_told_and_tried_again(screen: Open) -> None:
    page = screen()
    page.page.command("Network.setBlockedURLs", urls=["*/assets/en-*"])
    page.go("/login")
    page.sees("AIMO could not load. Nothing you wrote is lost.")
    page.page.command("Network.setBlockedURLs", urls=[])
    page.click("button")
    page.wait("document.activeElement?.name === 'email'")


def test_a_browser_that_keeps_nothing_from_us_or_for_us_does_not_stop_the_client(screen: Open) -> None:
    for store in ("() => ({ addEventListener() {} })", "() => { throw new DOMException('no', 'SecurityError') }"):
        page = screen()
        script = f"IDBFactory.prototype.open = {store}"
        page.page.command("Page.addScriptToEvaluateOnNewDocument", source=script)
        page.go("/login")
        page.wait("document.activeElement?.name === 'email'")
