"""Pictures of users are own files or https addresses, whatever is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimo.errors import AimoError, Code
from aimo.services.attachments.file_urls import FileUrls, accept_avatar
from aimo.storage.local import LocalStorage
from aimo.storage.signing import FileSigner

UID = "u0123456789abcdefghijkl"
OWN = f"avatar/{UID}/2026-01-31/a.png"
URLS = FileUrls(LocalStorage(Path("unused"), FileSigner("secret")), 3600)

REFUSED = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "data:image/svg+xml,<svg onload=alert(1)>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "http://example.test/a.png",
    "//example.test/a.png",
    "https:example.test",
    "https://",
    "https:///a.png",
    "https://user:password@example.test/a.png",
    "https://example.test/a.png\n",
    'https://example.test/" onerror="alert(1)',
    "https://example.test/<script>",
    "https://[::1",
    "https://example.test/" + "a" * 2048,
    "avatar/u_of_a_stranger/2026-01-31/a.png",
    f"avatar/{UID}/../u_of_a_stranger/2026-01-31/a.png",
    f"avatar/{UID}/2026-01-31/../../../aimo.db",
    "attachments/2026-01-31/secret.png",
    "/files/avatar/u_of_a_stranger/2026-01-31/a.png?exp=1&sig=x",
    "file:///etc/passwd",
    "vbscript:x",
    "blob:https://example.test/1",
]


@pytest.mark.parametrize("given", ["https://example.test/a.png", "HTTPS://example.test:8443/a.png?size=2#x", OWN])
def test_https_addresses_and_own_files_are_taken_as_they_are(given: str) -> None:
    assert accept_avatar(UID, given) == given


def test_an_address_that_the_server_gave_stands_for_the_own_file() -> None:
    address = URLS.avatar(UID, OWN)
    assert accept_avatar(UID, address) == OWN
    assert accept_avatar(UID, f"http://192.168.1.2:3000{address}") == OWN


@pytest.mark.parametrize("given", REFUSED)
def test_everything_else_is_refused(given: str) -> None:
    with pytest.raises(AimoError) as refused:
        accept_avatar(UID, given)
    assert refused.value.code is Code.PARAMS_ERROR


@pytest.mark.parametrize("stored", REFUSED)
def test_what_an_older_release_stored_is_not_handed_out(stored: str) -> None:
    assert URLS.avatar(UID, stored) == ""


def test_own_and_https_pictures_are_handed_out() -> None:
    assert URLS.avatar(UID, "https://example.test/a.png") == "https://example.test/a.png"
    assert URLS.avatar(UID, OWN).startswith(f"/files/{OWN}?")
    assert URLS.avatar(UID, None) == ""
