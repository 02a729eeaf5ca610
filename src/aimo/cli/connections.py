"""How many connections a server process takes, and how long those may hold it that send nothing."""

from __future__ import annotations

import resource
from typing import Final, TypedDict

import structlog
from granian.http import HTTP1Settings, HTTP2Settings

log = structlog.get_logger(__name__)

MOST_CONNECTIONS: Final = 16_384
"""Open at the same time in one process; those beyond wait in the kernel's queue."""

HEADER_SECONDS: Final = 15
"""What a client has for a request's line and headers, from the moment the server waits for them."""

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of a request's line and headers together; also what is read ahead of a body that nobody asked for yet."""

# Files, databases and providers need descriptors too.
_OTHER_FILES = 1024


class ConnectionOptions(TypedDict):
    """Options of the HTTP server."""

    backlog: int
    backpressure: int
    http1_settings: HTTP1Settings
    http2_settings: HTTP2Settings


def raise_file_limit() -> int:
    """Let this process and its children open as many files as the system allows; return how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _OTHER_FILES
    target = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        soft = target
    return wanted if soft == resource.RLIM_INFINITY else soft


def most_connections(files: int) -> int:
    """Return how many connections a process takes that may open ``files`` files."""
    return max(256, min(MOST_CONNECTIONS, files - _OTHER_FILES))


def connection_options(files: int) -> ConnectionOptions:
    """Return the server's options for a process that may open ``files`` files.

    Granian stops accepting at ``backpressure`` connections, 1,024 by default, whatever they do: so many that sent
    nothing shut everybody out. HTTP/2 connections without a request are asked for a sign of life.
    """
    most = most_connections(files)
    if most < 4096:
        log.warning("few connections are possible; raise the limit of open files (ulimit -n)", connections=most)
    return ConnectionOptions(
        backlog=4096,
        backpressure=most,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=LARGEST_HEAD),
        http2_settings=HTTP2Settings(
            # Compressed headers of a few bytes stand for this much, times the streams of every connection.
            max_headers_size=16 * 1024,
            max_concurrent_streams=8,
            initial_stream_window_size=256 * 1024,
            keep_alive_interval=HEADER_SECONDS * 1000,
            keep_alive_timeout=HEADER_SECONDS,
        ),
    )
