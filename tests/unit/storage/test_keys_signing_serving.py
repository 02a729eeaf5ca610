"""Names, signatures and headers of stored files."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from aimo.storage import keys
from aimo.storage.content_types import attachment_disposition
from aimo.storage.serving_headers import serving_headers, sniff
from aimo.storage.signing import FileSigner

UID = "u0123456789abcdefghijklm"
NOW = 1_760_000_000


def test_keys_have_the_established_layout() -> None:
    key = keys.attachment_key(UID, "2026-01-31", "AbC-_xyz0123456789AbCdEf", "roll.final.PNG")
    assert key == f"{UID}/2026-01-31/AbC-_xyz0123456789AbCdEf.PNG"
    avatar = keys.avatar_key(UID, "2026-01-31", "me.png")
    assert re.fullmatch(rf"avatar/{UID}/2026-01-31/[A-Za-z0-9_-]{{24}}\.png", avatar)
    assert keys.is_valid_key(key)
    assert keys.is_valid_key(avatar)


@pytest.mark.parametrize(
    ("filename", "extension"),
    [
        ("a.png", "png"),
        ("README", "README"),
        (".gitignore", "gitignore"),
        ("a.tar.gz", "gz"),
        ("a.", "bin"),
        ("", "bin"),
        ("会议纪要", "bin"),
        ("a.会议", "bin"),
        ("a.p/../../x", "bin"),
        ("a.p\x00ng", "bin"),
        ("a." + "x" * 33, "bin"),
        ("a.png\n", "bin"),
    ],
)
def test_extensions_are_safe(filename: str, extension: str) -> None:
    assert keys.extension(filename) == extension


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "..", "a/../b", "../a", "./a", "a/.hidden", "a\x00b", "a\\b", "a/" * 600, "x" * 300]
)
def test_dangerous_names_are_no_keys(key: str) -> None:
    assert not keys.is_valid_key(key)


def test_an_owner_cannot_leave_the_layout() -> None:
    with pytest.raises(ValueError, match="user id"):
        keys.attachment_key("../x", "2026-01-31", "a", "b.png")


def allowed(signer: FileSigner, url: str, key: str, now: float) -> bool:
    query = parse_qs(urlsplit(url).query)
    return signer.allows(key, query["exp"][0], query["sig"][0], now=now)


def test_a_signed_address_works_until_it_expires_and_only_for_its_key() -> None:
    signer = FileSigner("a secret")
    url = signer.url("u1/2026-01-31/a b.png", 3600, now=NOW)
    assert url.startswith("/files/u1/2026-01-31/a%20b.png?exp=")
    assert allowed(signer, url, "u1/2026-01-31/a b.png", NOW)
    assert not allowed(signer, url, "u1/2026-01-31/other.png", NOW)
    assert not allowed(signer, url, "u1/2026-01-31/a b.png", NOW + 3600)
    assert not allowed(FileSigner("another"), url, "u1/2026-01-31/a b.png", NOW)


@pytest.mark.parametrize("lifetime", [1, 3, 60, 3600, 604_800])
def test_an_address_lives_no_longer_than_asked_and_is_stable_for_a_while(lifetime: int) -> None:
    signer = FileSigner("a secret")
    for now in range(NOW, NOW + 50):
        expires = int(parse_qs(urlsplit(signer.url("k", lifetime, now=now)).query)["exp"][0])
        assert now + lifetime * 3 // 4 <= expires <= now + lifetime
    if lifetime >= 3600:
        assert len({signer.url("k", lifetime, now=now) for now in range(NOW, NOW + 50)}) <= 2


@pytest.mark.parametrize("expires", ["", "abc", "-1", "1e99", "9" * 30, "١٢", " 99999999999"])
def test_a_strange_expiry_is_refused(expires: str) -> None:
    signer = FileSigner("a secret")
    assert not signer.allows("k", expires, signer._signature("k", expires), now=NOW)


def test_strange_signatures_are_refused() -> None:
    assert not FileSigner("s").allows("k", "99999999999", "é\ud800", now=NOW)


PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


@pytest.mark.parametrize(
    ("beginning", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a-not-really", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"\0\0\0\x20ftypavif", "image/avif"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        (b"\x1a\x45\xdf\xa3\x01\x42\x82\x84webm", "video/webm"),
        (b"OggS\0", "audio/ogg"),
        (b"ID3\x04", "audio/mpeg"),
        (b"%PDF-1.4", "application/pdf"),
        (b"BM" + bytes(20), "image/bmp"),
        (b"BMW is a car", None),
        (b"<svg/>", None),
        (b"<!DOCTYPE html>", None),
        (b"", None),
    ],
)
def test_media_are_recognised_by_their_first_bytes(beginning: bytes, media_type: str | None) -> None:
    assert sniff(beginning) == media_type


@pytest.mark.parametrize("name", ["x.html", "x.svg", "x.xml", "x.js", "x.txt", "x.xhtml", "x"])
def test_what_could_run_is_a_sandboxed_download(name: str) -> None:
    served = serving_headers(f"u/2026-01-31/{name}", b"<script>alert(1)</script>")
    assert served.disposition.startswith("attachment;")
    assert "sandbox" in served.policy
    assert "html" not in served.content_type
    assert "javascript" not in served.content_type


def test_media_are_shown_in_place_by_what_they_are_not_by_their_name() -> None:
    assert serving_headers("u/d/x.html", PNG)[:2] == ("image/png", "inline")
    assert serving_headers("u/d/x.svg", b"<svg/>").content_type == "application/octet-stream"
    assert serving_headers("u/d/x.ogv", b"OggS").content_type == "video/ogg"


def test_download_names_are_percent_encoded_as_clients_expect() -> None:
    assert attachment_disposition("会 议!~*'().txt") == (
        'attachment; filename="%E4%BC%9A%20%E8%AE%AE!~*\'().txt"; '
        "filename*=UTF-8''%E4%BC%9A%20%E8%AE%AE!~%2A%27%28%29.txt"
    )
    assert attachment_disposition('a"b\r\n.txt').startswith('attachment; filename="a%22b__.txt"; ')
