"""A page of the web client as somebody uses it: keys, clicks, and waiting for what appears."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

from tests.support.browser import Browser, Page, Person

ROOT = Path(__file__).parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
SIZES = {"desktop": (1280, 800), "telephone": (390, 844)}
_KEYS = {
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Tab": (9, ""),
    "ArrowDown": (40, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "Delete": (46, ""),
}
CONTROL = 2


class Screen:
    """One tab. What the console says and which addresses are asked for is noted from the beginning."""

    def __init__(self, browser: Browser, person: Person, url: str, size: str = "desktop", language: str = "en") -> None:
        self._browser = browser
        self.url = url
        self._noted: list[str] = []
        self.page: Page = person.open("about:blank")
        for domain in ("Runtime", "Log", "Network"):
            self.page.command(f"{domain}.enable")
        width, height = SIZES[size]
        self.page.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=size != "desktop",
        )
        if size != "desktop":
            self.page.command("Emulation.setTouchEmulationEnabled", enabled=True)
        self.page.command("Emulation.setTimezoneOverride", timezoneId="Asia/Shanghai")
        chosen = f"localStorage.getItem('aimo.language') ?? localStorage.setItem('aimo.language', '{language}')"
        script = f"try {{ {chosen} }} catch {{}}"
        self.page.command("Page.addScriptToEvaluateOnNewDocument", source=script)

    def go(self, path: str) -> Screen:
        self._noted += self._drained()
        self.page.go(f"{self.url}{path}")
        return self

    def theme(self, name: str) -> None:
        self.page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def run(self, script: str) -> Any:
        return self.page.run(script)

    def wait(self, condition: str, timeout: float = 10) -> Any:
        """The value of an expression as soon as it is true.

        Raises:
            AssertionError: it does not become true in time; the text shows the page.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if value := self.run(condition):
                return value
            time.sleep(0.03)
        raise AssertionError(f"never true: {condition}\n{self.text()[:2000]}")

    def text(self) -> str:
        return str(self.run("location.pathname + '\\n' + document.body?.innerText"))

    def sees(self, text: str, timeout: float = 10) -> None:
        self.wait(f"document.body?.innerText.includes({json.dumps(text)})", timeout)

    def misses(self, text: str, timeout: float = 10) -> None:
        self.wait(f"!document.body?.innerText.includes({json.dumps(text)})", timeout)

    def focus(self, selector: str) -> None:
        name = json.dumps(selector)
        self.wait(f"(document.querySelector({name})?.focus(), document.activeElement?.matches({name}))")

    def click(self, selector: str) -> None:
        self.wait(f"document.querySelector({json.dumps(selector)}) !== null")
        self.page.act(f"document.querySelector({json.dumps(selector)}).click()")

    def press_button(self, text: str) -> None:
        """Click the button or link that has this text, or this name."""
        find = (
            "[...document.querySelectorAll('button, a, summary')].findLast(one => one.offsetParent !== null"
            f" && [one.innerText.trim(), one.getAttribute('aria-label')].includes({json.dumps(text)}))"
        )
        self.wait(f"{find} !== undefined")
        self.page.act(f"{find}.click()")

    def type(self, text: str) -> None:
        """Put text where the caret is, as an input method does."""
        self.page.command("Input.insertText", text=text)

    def key(self, name: str, modifiers: int = 0) -> None:
        code, text = _KEYS[name] if name in _KEYS else (ord(name.upper()), name)
        event = {"key": name, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        if text and not modifiers & CONTROL:
            event["text"] = text
        self.page.command("Input.dispatchKeyEvent", type="keyDown", **event)
        self.page.command("Input.dispatchKeyEvent", type="keyUp", **event | {"text": ""})

    def offline(self, away: bool) -> None:
        self.page.command(
            "Network.emulateNetworkConditions", offline=away, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )

    def register(self, email: str, password: str = "a quiet harbour") -> None:
        """Make an account with the keyboard alone."""
        self.go("/register")
        self.wait("document.activeElement?.name === 'email'")
        self.type(email)
        for value in ("Mei", password):
            self.key("Tab")
            self.type(value)
        self.key("Enter")
        self.wait("document.querySelector('#composer') !== null")

    def log_in(self, email: str, password: str = "a quiet harbour") -> None:
        """Log in to an account with memos, with the keyboard alone."""
        self.go("/login")
        self.wait("document.activeElement?.name === 'email'")
        self.type(email)
        self.key("Tab")
        self.type(password)
        self.key("Enter")
        self.wait("document.querySelector('.card') !== null")

    def write(self, text: str) -> None:
        self.focus("#composer")
        self.type(text)
        self.key("Enter", CONTROL)
        self.wait("document.querySelector('#composer').value === ''")

    def complaints(self) -> list[str]:
        """What the console has said since the last time, and requests to elsewhere."""
        self.run("1")
        found = self._noted + self._drained()
        self._noted = []
        return found

    def _drained(self) -> list[str]:
        found = []
        for event in self._browser.taken_events(self.page):
            if event["method"] == "Log.entryAdded":
                found.append(event["params"]["entry"]["text"])
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(event["params"]["exceptionDetails"])[:500])
            elif event["method"] == "Runtime.consoleAPICalled":
                found.append(json.dumps(event["params"]["args"])[:500])
            elif event["method"] == "Network.requestWillBeSent":
                address = event["params"]["request"]["url"]
                if not address.startswith((self.url, "blob:", "data:")):
                    found.append(f"a request to {address}")
        return found

    def violations(self) -> list[str]:
        """What axe finds serious or critical."""
        self.run(AXE.read_text() + "; undefined")
        found = self.run(
            "axe.run(document, {resultTypes: ['violations'], rules: {'color-contrast-enhanced': {enabled: false}},"
            " runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
            ".then(({violations}) => violations.filter(one => ['serious', 'critical'].includes(one.impact))"
            ".map(one => one.id + ': ' + one.nodes.map(node => node.html.slice(0, 160)).slice(0, 3).join(' | ')))"
        )
        return [str(one) for one in found]

    def picture(self, path: Path) -> None:
        """Write what is seen as PNG or WebP, by the name of the file."""
        data = self.page.command("Page.captureScreenshot", format=path.suffix[1:], quality=80)["data"]
        path.write_bytes(base64.b64decode(data))
