"""Media are recognised by their first bytes, and by their extension in buckets, and never text."""

from __future__ import annotations

import pytest

from aimo.storage.content_types import INERT, content_type_for_bucket, inert_or_unknown
from aimo.storage.serving_headers import SNIFFED_BYTES, serving_headers, sniff


def ftyp(major: bytes, *others: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(others)
    return (len(body) + 4).to_bytes(4) + body + bytes(64)


MEDIA = [
    ("a.mp3", b"\xff\xfb\x90\x64", "audio/mpeg"),
    ("mpeg-1, with a checksum.mp3", b"\xff\xfa\x90\x64", "audio/mpeg"),
    ("mpeg-2, with a checksum.mp3", b"\xff\xf2\x50\xc0", "audio/mpeg"),
    ("mpeg-2.5.mp3", b"\xff\xe3\x18\xc4", "audio/mpeg"),
    ("mpeg-2.5, with a checksum.mp3", b"\xff\xe2\x18\xc4", "audio/mpeg"),
    ("layer ii.mp2", b"\xff\xfd\xa4\x00", "audio/mpeg"),
    ("tagged.mp3", b"ID3\x04\x00", "audio/mpeg"),
    ("a.aac", b"\xff\xf1\x50\x80", "audio/aac"),
    ("mpeg-2.aac", b"\xff\xf9\x50\x80", "audio/aac"),
    ("with a checksum.aac", b"\xff\xf0\x50\x80", "audio/aac"),
    ("a.aac", b"ADIF", "audio/aac"),
    ("a.aiff", b"FORM\x00\x00\x10\x00AIFF", "audio/aiff"),
    ("a.aif", b"FORM\x00\x00\x10\x00AIFC", "audio/aiff"),
    ("a.caf", b"caff\x00\x01\x00\x00desc", "audio/x-caf"),
    ("a.wav", b"RIFF\x00\x00\x10\x00WAVE", "audio/wav"),
    ("large.wav", b"RF64\xff\xff\xff\xffWAVE", "audio/wav"),
    ("a.m4a", ftyp(b"M4A ", b"M4A ", b"mp42"), "audio/mp4"),
    ("a.m4a", ftyp(b"mp42", b"mp42", b"isom"), "audio/mp4"),
    ("a.tif", b"II*\x00\x08\x00\x00\x00", "image/tiff"),
    ("a.tiff", b"MM\x00*\x00\x00\x00\x08", "image/tiff"),
    ("large.tif", b"II+\x00\x08\x00\x00\x00", "image/tiff"),
    ("large.tif", b"MM\x00+\x00\x08\x00\x00", "image/tiff"),
    ("a.heic", ftyp(b"heic", b"mif1", b"heic"), "image/heic"),
    ("a.heic", ftyp(b"mif1", b"mif1", b"heic"), "image/heic"),
    ("a.heif", ftyp(b"mif1", b"mif1", b"miaf"), "image/heif"),
    ("a.heics", ftyp(b"hevc", b"msf1", b"hevc"), "image/heic-sequence"),
    ("a.heics", ftyp(b"hevx", b"msf1"), "image/heic-sequence"),
    ("a.heics", ftyp(b"msf1", b"msf1", b"hevc"), "image/heic-sequence"),
    ("a.heifs", ftyp(b"msf1", b"msf1", b"iso8"), "image/heif-sequence"),
    ("a.avif", ftyp(b"mif1", b"avif", b"miaf"), "image/avif"),
    ("a.avif", ftyp(b"avis", b"avis"), "image/avif"),
    ("a.jxl", b"\xff\x0a\xfa\x1f", "image/jxl"),
    ("a.jxl", b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    ("a.mov", ftyp(b"qt  "), "video/quicktime"),
    ("old.mov", b"\x00\x00\x10\x00moov", "video/quicktime"),
    ("a.3gp", ftyp(b"3gp4", b"isom"), "video/3gpp"),
    ("a.3g2", ftyp(b"3g2a"), "video/3gpp2"),
    ("a.avi", b"RIFF\x00\x00\x10\x00AVI ", "video/x-msvideo"),
    ("a.mpg", b"\x00\x00\x01\xba\x44", "video/mpeg"),
    ("a.weba", b"\x1a\x45\xdf\xa3\x01\x00\x42\x82\x84webm", "audio/webm"),
    ("a.mka", b"\x1a\x45\xdf\xa3\x01\x00\x42\x82\x88matroska", "audio/x-matroska"),
]


@pytest.mark.parametrize(("name", "beginning", "media_type"), MEDIA)
def test_media_are_served_and_stored_as_what_they_are(name: str, beginning: bytes, media_type: str) -> None:
    served = serving_headers(f"u/d/{name}", beginning[:SNIFFED_BYTES])
    assert (served.content_type, served.disposition) == (media_type, "inline")
    assert content_type_for_bucket(f"u/d/{name}").content_type in INERT
    assert inert_or_unknown(media_type) == media_type


@pytest.mark.parametrize(
    "beginning",
    [
        "\ufeffplain text".encode("utf-16-le"),
        "\ufeff<svg>".encode("utf-16-be"),
        b"\xff\xff\xff\xff",
        b"\xff\xeb\x90\x64",
        b"\xff\xfb",
        b"\xff",
        b"FORM of a letter",
        b"FORM\x00\x00\x10\x00ILBM",
        b"caffeine",
        b"II* is a text",
        b"MM",
        b"RIFFraff says ",
    ],
)
def test_what_only_begins_alike_is_unknown(beginning: bytes) -> None:
    assert sniff(beginning) is None


@pytest.mark.parametrize(
    "declared",
    [
        "audio/x-aiff",
        "audio/x-flac",
        "audio/vnd.wave",
        "audio/mpeg3",
        "image/x-tiff",
        "image/heic-sequence",
        "video/avi",
    ],
)
def test_other_names_of_inert_types_are_repeated(declared: str) -> None:
    assert inert_or_unknown(declared) == declared
