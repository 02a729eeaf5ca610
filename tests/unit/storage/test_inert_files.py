"""What a browser may show in place, and that nothing else is ever shown."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from aimo.storage.content_types import INERT, UNKNOWN, attachment_disposition, content_type_for_bucket, inert_or_unknown
from aimo.storage.serving_headers import serving_headers

# What browsers run or render as a document, whatever it is called.
ACTIVE = [
    "svg",
    "SVG",
    "svgz",
    "xml",
    "Xml",
    "xhtml",
    "xht",
    "html",
    "HTML",
    "htm",
    "hta",
    "shtml",
    "mht",
    "mhtml",
    "xsl",
    "xslt",
    "rdf",
    "rss",
    "atom",
    "js",
    "mjs",
    "cjs",
    "wasm",
    "css",
    "json",
    "txt",
    "md",
    "eml",
    "ics",
    "vcf",
    "swf",
    "jar",
    "xul",
    "xbl",
    "mathml",
    "mml",
    "dtd",
    "ent",
    "xsd",
    "wsdl",
    "htc",
    "pht",
    "php",
    "asp",
    "docx",
    "epub",
    "unknown",
]
ACTIVE_TYPES = [
    "text/html",
    "TEXT/HTML",
    "text/html;charset=utf-8",
    "image/svg+xml",
    "image/SVG+XML",
    "image/svg+xml;charset=utf-8",
    "application/xhtml+xml",
    "application/xml",
    "text/xml",
    "application/xslt+xml",
    "text/javascript",
    "application/javascript",
    "application/wasm",
    "text/css",
    "text/plain",
    "multipart/related",
    "multipart/x-mixed-replace",
    "message/rfc822",
    "application/x-shockwave-flash",
    "application/mathml+xml",
    "application/rss+xml",
    "image/x+xml",
    "application/json",
]
SHOWN = {
    "a.png": "image/png",
    "a.PNG": "image/png",
    "a.jpeg": "image/jpeg",
    "a.heic": "image/heic",
    "a.mp4": "video/mp4",
    "a.mp3": "audio/mpeg",
    "a.pdf": "application/pdf",
}


@pytest.mark.parametrize("extension", ACTIVE)
def test_a_bucket_hands_over_what_could_run_as_a_download_of_no_type(extension: str) -> None:
    for key in (f"u/d/a.{extension}", f"u/d/a.png.{extension}", f"u/d/a.{extension} ", f"u/d/{extension}"):
        shown = content_type_for_bucket(key)
        assert shown.content_type == UNKNOWN
        assert shown.disposition.startswith('attachment; filename="')


@pytest.mark.parametrize(("name", "media_type"), SHOWN.items())
def test_a_bucket_shows_inert_media_in_place(name: str, media_type: str) -> None:
    assert content_type_for_bucket(f"u/d/{name}") == (media_type, "")


@pytest.mark.parametrize("key", ["png", "u/d/png", "u.png/d/a", "u/d/a.png/", "u/d/a.p\x00ng", "u/d/a.png\n"])
def test_a_key_without_an_extension_is_a_download(key: str) -> None:
    assert content_type_for_bucket(key).content_type == UNKNOWN


def test_no_listed_type_can_run() -> None:
    assert all(re.fullmatch(r"(image|audio|video)/[a-z0-9.-]+|application/pdf", kind) for kind in INERT)
    assert not [kind for kind in INERT if "xml" in kind or "svg" in kind or "html" in kind]


@pytest.mark.parametrize("declared", ACTIVE_TYPES)
def test_a_declared_type_that_could_run_is_never_repeated(declared: str) -> None:
    assert inert_or_unknown(declared) == UNKNOWN


def test_a_declared_inert_type_is_repeated_without_its_parameters() -> None:
    assert inert_or_unknown("IMAGE/PNG; x=\r\nSet-Cookie: a") == "image/png"
    assert inert_or_unknown("image/png\r\nSet-Cookie: a") == UNKNOWN


BEGINNINGS = [
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"<?xml version='1.0'?><x/>",
    b"\xef\xbb\xbf<!DOCTYPE html>",
    b"\xff\xfe<\x00s\x00v\x00g\x00",
    b"\xfe\xff\x00<\x00s\x00v\x00g",
    b"<!-- GIF89a --><script>",
    b"MIME-Version: 1.0\r\nContent-Type: multipart/related",
    b"From: a@b\r\nSubject: x\r\n\r\n<script>",
    b"\x00asm\x01\x00\x00\x00",
    b"alert(1)",
    b"\x1f\x8b\x08",
    b"",
]


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.html", "a.pdf", "a"])
def test_this_server_hands_over_what_it_does_not_recognise_as_a_sandboxed_download(name: str, beginning: bytes) -> None:
    served = serving_headers(f"u/d/{name}", beginning)
    assert served.content_type == UNKNOWN
    assert served.disposition.startswith("attachment")
    assert re.search(r"\bsandbox$", served.policy)
    assert "default-src 'none'" in served.policy


@pytest.mark.parametrize("beginning", [b"GIF89a/*<script>*/=1;", b"\x89PNG\r\n\x1a\n<html>", b"<svgftypisom<script>"])
@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.js"])
def test_a_file_that_is_two_things_is_shown_as_the_inert_one_in_a_sandbox(name: str, beginning: bytes) -> None:
    served = serving_headers(f"u/d/{name}", beginning)
    assert served.content_type in INERT
    assert "sandbox" in served.policy
    assert content_type_for_bucket(f"u/d/{name}").content_type == UNKNOWN, "a bucket goes by the name, which is as safe"


NAMES = [
    'a"; filename=b.html; x="',
    "a\r\nSet-Cookie: x=1.txt",
    "a\x00b.txt",
    "../../etc/passwd",
    "..\\..\\evil.exe",
    "photo\u202egnp.exe",
    "a\u2066b\u2069.txt",
    "a\u2028b.txt",
    "a\ud800.txt",
    "会议 纪要.txt",
    "%0d%0aSet-Cookie: x",
    "a" * 5000,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_stays_inside_its_header(name: str) -> None:
    header = attachment_disposition(name)
    found = re.fullmatch(
        r"""attachment; filename="([A-Za-z0-9._~!*'()%-]*)"; filename\*=UTF-8''([A-Za-z0-9._~!%-]*)""", header
    )
    assert found
    decoded = unquote(found[1])
    assert unquote(found[2]) == decoded
    assert not re.search("[\x00-\x1f\x7f/\\\\\u2028\u202a-\u202e\u2066-\u2069]", decoded)


def test_an_ordinary_file_name_comes_through() -> None:
    name = "%E4%BC%9A%20%E8%AE%AE.txt"
    assert attachment_disposition("会 议.txt") == f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
