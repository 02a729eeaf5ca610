"""What the web client asks beside the documented resources: files by the cookie, also in parts, and pictures."""

from __future__ import annotations

import io
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from tests.support.client import Client
from tests.support.server import AIMO, Server, environment
from tests.support.stub import Stub

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(2000)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def running(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    module_stub: Stub,
    shared_database: Callable[[str], dict[str, str]],
) -> Server:
    database = shared_database(request.param)
    return module_server(**database, **module_stub.settings(), ALLOW_REGISTRATION="true")


@pytest.fixture
def alice(running: Server) -> Client:
    return running.client().register()


def by_cookie(client: Client, path: str, **headers: str) -> Any:
    return client.http.get(f"/api/v1{path}", headers={"Cookie": f"aimo_token={client.token}", **headers})


def upload(client: Client, name: str, data: bytes, kind: str) -> dict[str, Any]:
    answer = client.http.post(
        "/api/v1/attachments/upload",
        files={"file": (name, io.BytesIO(data), kind)},
        headers={"Authorization": f"Bearer {client.token}"},
    )
    attachment: dict[str, Any] = answer.json()["data"]["attachment"]
    return attachment


def test_a_file_is_shown_in_parts_to_whom_it_belongs(alice: Client, running: Server) -> None:
    path = f"/attachments/{upload(alice, 'a.wav', WAV, 'audio/wav')['attachmentId']}/file"
    whole = by_cookie(alice, path)
    assert (whole.status_code, whole.content) == (200, WAV)
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["content-disposition"] == "inline"
    assert whole.headers["cache-control"] == "private, max-age=86400, immutable"
    assert "sandbox" in whole.headers["content-security-policy"]
    part = by_cookie(alice, path, Range="bytes=4-99")
    assert (part.status_code, part.content) == (206, WAV[4:100])
    assert part.headers["content-range"] == f"bytes 4-99/{len(WAV)}"
    head = alice.http.head(f"/api/v1{path}", headers={"Cookie": f"aimo_token={alice.token}"})
    assert (head.headers["content-length"], head.content) == (str(len(WAV)), b"")
    bob = running.client().register()
    for stranger, status in ((bob, 404), (running.client(), 401)):
        assert by_cookie(stranger, path).status_code == status


def test_what_could_run_is_not_shown(alice: Client) -> None:
    path = f"/attachments/{upload(alice, 'a.txt', b'<script>1</script>', 'text/plain')['attachmentId']}/file"
    shown = by_cookie(alice, path)
    assert shown.headers["content-type"] == "application/octet-stream"
    assert shown.headers["content-disposition"].startswith("attachment")


def test_a_picture_of_a_user_is_there_for_as_long_as_the_login(alice: Client) -> None:
    assert by_cookie(alice, "/user/avatar").status_code == 404
    url = alice.http.post(
        "/api/v1/user/avatar",
        files={"avatar": ("a.png", PNG, "image/png")},
        headers={"Authorization": f"Bearer {alice.token}"},
    ).json()["data"]["avatar"]
    shown = by_cookie(alice, "/user/avatar")
    assert (shown.status_code, shown.content, shown.headers["content-type"]) == (200, PNG, "image/png")
    expires = int(url.partition("exp=")[2].partition("&")[0])
    assert expires - time.time() >= 90 * 24 * 3600 - 60


def test_programs_get_no_page_where_nothing_is(running: Server) -> None:
    client = running.client()
    for path in ("/api/v1/system/open/none", "/mcp", "/mcp/x", "/.well-known/openid-configuration", "/assets/none.js"):
        answer = client.http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json; charset=utf-8")


def test_the_page_of_the_api_runs_nothing(running: Server) -> None:
    answer = running.client().http.get("/api/v1/docs")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def picture(size: tuple[int, int] = (900, 600), kind: str = "JPEG", **more: Any) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, (200, 40, 40)).save(target, kind, **more)
    return target.getvalue()


def small(client: Client, attachment: dict[str, Any], w: object = 320) -> Image.Image:
    answer = by_cookie(client, f"/attachments/{attachment['attachmentId']}/thumbnail?w={w}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp"), answer.text
    return Image.open(io.BytesIO(answer.content))


def stored_copies(running: Server, attachment: dict[str, Any]) -> list[str]:
    return sorted(path.name for path in running.folder.rglob(f"{attachment['attachmentId']}.*.webp"))


def test_a_small_copy_is_made_once_and_goes_with_its_picture(alice: Client, running: Server) -> None:
    attachment = upload(alice, "a.jpg", picture(), "image/jpeg")
    assert [small(alice, attachment, w).size for w in (1, 300, 320, 5000)] == [
        (160, 107),
        (320, 213),
        (320, 213),
        (900, 600),
    ]
    assert len(stored_copies(running, attachment)) == 3
    bob = running.client().register()
    assert by_cookie(bob, f"/attachments/{attachment['attachmentId']}/thumbnail").status_code == 404
    alice.delete(f"/attachments/{attachment['attachmentId']}")
    assert stored_copies(running, attachment) == []
    assert by_cookie(alice, f"/attachments/{attachment['attachmentId']}/thumbnail").status_code == 404


def test_nothing_of_a_picture_is_left_once_its_memo_is_deleted_for_good(alice: Client, running: Server) -> None:
    attachment = upload(alice, "a.jpg", picture(), "image/jpeg")
    written = alice.post("/memos", {"content": "x", "attachments": [attachment["attachmentId"]]}).data["memo"]
    small(alice, attachment)
    alice.delete(f"/memos/{written['memoId']}")
    assert stored_copies(running, attachment)
    assert alice.delete(f"/trash/{written['memoId']}").code == 0
    assert stored_copies(running, attachment) == []


def test_a_small_copy_stands_as_the_picture_is_shown(alice: Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = upload(alice, "a.jpg", picture(exif=exif), "image/jpeg")
    assert small(alice, turned).size == (320, 480)
    frames = [Image.new("RGB", (50, 40), color) for color in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    animated = small(alice, upload(alice, "a.gif", target.getvalue(), "image/gif"))
    red, _, blue = animated.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert (animated.size, red > 200, blue < 60) == ((50, 40), True, True)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"no picture", "image/png"),
        (picture()[:400], "image/jpeg"),
        (picture((1, 1), "PNG").replace(bytes([0, 0, 0, 1] * 2), b"\x00\x01\x00\x00" * 2), "image/png"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(100), "image/heic"),
        (b"hello", "text/plain"),
    ],
    ids=["no picture", "cut off", "billions of pixels", "of another format", "text"],
)
def test_what_cannot_be_made_small_is_no_picture(alice: Client, data: bytes, kind: str) -> None:
    attachment = upload(alice, "a.bin", data, kind)
    answer = by_cookie(alice, f"/attachments/{attachment['attachmentId']}/thumbnail")
    assert (answer.status_code, answer.json()["code"]) == (404, 4001)


def test_who_asks_is_told_how_large_pictures_are(alice: Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    attachment = upload(alice, "a.jpg", picture(exif=exif), "image/jpeg")
    assert "width" not in attachment
    memo = alice.post("/memos", {"content": "x", "attachments": [attachment["attachmentId"]]}).data["memo"]
    assert "width" not in memo["attachments"][0]
    listed = by_cookie(alice, "/memos", Prefer="picture-sizes").json()["data"]["items"][0]["attachments"][0]
    assert (listed["width"], listed["height"]) == (600, 900)
    assert "width" not in by_cookie(alice, "/memos").json()["data"]["items"][0]["attachments"][0]


def test_days_are_those_of_the_zone_that_is_asked_for(alice: Client) -> None:
    night = int(time.time() * 1000) // 86_400_000 * 86_400_000 - 3 * 86_400_000
    for hours in (-1, 1, 17):
        alice.post("/memos", {"content": "x", "createdAt": night + hours * 3_600_000})

    def counts(**query: Any) -> dict[str, int]:
        data = alice.get("/insights/activity", days=10, **query).data
        return {item["date"]: item["count"] for item in data["items"]}

    def day(number: int) -> str:
        return time.strftime("%Y-%m-%d", time.gmtime(night / 1000 + number * 86_400))

    assert counts() == counts(tz="UTC") == {day(-1): 1, day(0): 2}
    assert counts(tz="Asia/Shanghai") == {day(0): 2, day(1): 1}
    assert counts(tz="Pacific/Honolulu") == {day(-1): 2, day(0): 1}
    for bad in ("Mars/Olympus", "../etc/passwd", "x" * 300, "\x01"):
        assert alice.get("/insights/activity", tz=bad).code == 2
        assert alice.get("/insights/on-this-day", tz=bad).code == 2
    assert alice.get("/insights/on-this-day", tz="Asia/Kathmandu").code == 0


def test_the_demo_user_has_a_year_worth_looking_at(running: Server) -> None:
    email, password = "demo@example.org", "kx7-Quiet-River"
    done = subprocess.run(
        [AIMO, "seed", "--password", password],
        env=environment(running.settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "rolled back" not in done.stderr
    demo = running.client().login(email, password)
    memos = by_cookie(demo, "/memos?limit=100", Prefer="picture-sizes").json()["data"]["items"]
    assert len(memos) > 80
    assert {memo["createdAt"] <= time.time() * 1000 for memo in memos} == {True}
    assert memos[0]["createdAt"] - memos[-1]["createdAt"] > 365 * 86_400_000
    pictures = [file for memo in memos for file in memo["attachments"]]
    assert {(file["width"], file["height"]) for file in pictures} == {(1200, 800)}
    assert {small(demo, file).size for file in pictures} == {(320, 213)}
    assert sum("relations" in memo for memo in memos) > 8
    assert 3 <= sum(memo["isPublic"] for memo in memos) < 10
    assert all(tag["color"] for tag in demo.get("/tags").data["tags"])
    assert sum("color" in each for each in demo.get("/categories").data["categories"]) >= 4
    assert demo.get("/trash").data["total"] == 3
    assert demo.get("/insights/on-this-day").data["total"] >= 1
