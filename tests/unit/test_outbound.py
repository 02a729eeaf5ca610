"""What a user's URL can reach, and what not."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.ports import free_port
from tests.support.tiny_http import TinyHttp, listening

from aimo import outbound
from aimo.errors import AimoError, Code, ConfigurationError
from aimo.outbound import OutboundClient, OutboundError, is_public


def resolver(*answers: list[str]) -> outbound.Resolver:
    """Gives these answers one after the other, the last one for ever, and counts."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        resolve.asked += 1  # type: ignore[attr-defined]
        return left.pop(0) if len(left) > 1 else left[0]

    resolve.asked = 0  # type: ignore[attr-defined]
    return resolve


async def unknown(host: str, port: int) -> list[str]:
    raise OSError("no such host")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:8080/hook",
        "http://127.1.2.3/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://100.100.100.200/latest/meta-data",
        "http://169.254.169.254/latest/meta-data",
        "http://168.63.129.16/",
        "http://172.16.0.1/",
        "http://192.0.0.192/",
        "http://192.168.1.1/",
        "http://198.18.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[::]/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b:1::1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:1::1]/",
        "http://[fe80::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[ff02::1]/",
        "http://[2001:db8::1]/",
        "http://127.0.0.1./",
        "http://127。0。0。1/",
        "http://１２７.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://%31%32%37.0.0.1/",
        "http://user:word@93.184.215.14/",
        "http://user@93.184.215.14/",
        "http://93.184.215.14:22/",
        "http://93.184.215.14:25/",
        "http://93.184.215.14:0/",
        "http://93.184.215.14:99999/",
        "ftp://93.184.215.14/",
        "file:///etc/passwd",
        "gopher://93.184.215.14/",
        "//93.184.215.14/",
        "93.184.215.14",
        "http://",
        "http:///x",
        "",
        "http://exa mple.org/",
        "http://[::1/",
        "http://\x00/",
    ],
)
async def test_refused_whatever_its_notation(url: str) -> None:
    for call in (OutboundClient().check(url), OutboundClient().request("POST", url, json={})):
        with pytest.raises(AimoError, match=r"This address cannot be used: .+") as refusal:
            await call
        assert refusal.value.code is Code.PARAMS_ERROR


@pytest.mark.parametrize(
    "url",
    [
        "https://93.184.215.14/hook",
        "http://93.184.215.14:8443/hook?key=1",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
        "https://[64:ff9b::5db8:d70e]/",
        "https://[::ffff:93.184.215.14]/",
    ],
)
async def test_public_addresses_pass(url: str) -> None:
    await OutboundClient().check(url)


async def test_a_name_that_leads_to_a_private_address_is_refused() -> None:
    for addresses in (["10.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::1"], ["fe80::1%2"], ["::ffff:10.0.0.1"]):
        with pytest.raises(AimoError, match="not public"):
            await OutboundClient(resolve=resolver(addresses)).check("https://hook.example.org/")


async def test_localhost_is_refused_by_its_name() -> None:
    for name in ("localhost", "LOCALHOST", "localhost."):
        with pytest.raises(AimoError):
            await OutboundClient().check(f"http://{name}/")


async def test_an_unknown_host_is_not_sent_to() -> None:
    with pytest.raises(AimoError, match="cannot be resolved"):
        await OutboundClient(resolve=unknown).check("https://hook.example.org/")
    with pytest.raises(OutboundError, match=r"hook\.example\.org cannot be resolved") as error:
        await OutboundClient(resolve=unknown).request("POST", "https://hook.example.org/", json={})
    assert not error.value.sent


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The system's lookups of other names than ``localhost`` take until this event, and find nothing."""
    end = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "localhost":
            return real(host, *arguments, **options)
        end.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield end
    end.set()


async def test_names_that_resolve_slowly_hold_up_nothing_else(held: threading.Event) -> None:
    out = OutboundClient("localhost")
    hooks = [asyncio.create_task(out.check(f"https://slow{number}.example.org/")) for number in range(100)]
    await asyncio.sleep(0.1)
    before = threading.active_count()
    async with asyncio.timeout(5):
        await asyncio.to_thread(int)
        await OutboundClient("localhost").check("http://localhost/")
    assert before < 50, "one thread a name"
    for hook in hooks:
        hook.cancel()
    await asyncio.gather(*hooks, return_exceptions=True)


async def test_the_time_of_a_request_includes_waiting_for_other_lookups(held: threading.Event) -> None:
    out = OutboundClient("localhost", seconds=0.3)
    started = time.monotonic()
    hooks = [out.request("POST", f"https://slow{number}.example.org/", json={}) for number in range(100)]
    told = await asyncio.gather(*hooks, return_exceptions=True)
    assert time.monotonic() - started < 5
    assert [str(one) for one in told] == ["no answer within 0.3 s"] * 100
    with pytest.raises(AimoError, match="cannot be resolved"):
        await out.check("http://localhost/")
    held.set()
    await asyncio.sleep(0.1)
    await out.check("http://localhost/")


async def test_dns_rebinding_does_not_help() -> None:
    """The first answer is checked and connected to; the second, private, is never asked for."""
    async with listening(TinyHttp()) as inside:
        resolve = resolver(["192.0.2.1"], ["127.0.0.1"])
        # A documentation address stands for a public one: nothing outside is connected to by tests.
        out = OutboundClient("192.0.2.0/24", resolve=resolve, seconds=0.4)
        with pytest.raises(OutboundError):
            await out.request("POST", f"http://rebinding.example.org:{inside.port}/", json={"secret": 1})
        assert resolve.asked == 1  # type: ignore[attr-defined]
        assert inside.requests == []
        with pytest.raises(AimoError):
            await out.request("POST", f"http://rebinding.example.org:{inside.port}/", json={"secret": 1})
        assert inside.requests == []


async def test_the_checked_address_gets_the_request_under_the_name() -> None:
    async with listening(TinyHttp()) as server:
        resolve = resolver(["127.0.0.1"], ["10.0.0.1"])
        out = OutboundClient("127.0.0.0/8", resolve=resolve)
        answer = await out.request(
            "POST", f"http://hook.example.org:{server.port}/a%2Fb?x=1", json={"k": "值"}, params={"y": "2"}
        )
        assert (answer.status, answer.text) == (200, "ok")
        request = server.requests[0]
        assert request.startswith(b"POST /a%2Fb?x=1&y=2 HTTP/1.1\r\n")
        assert f"host: hook.example.org:{server.port}\r\n".encode() in request.lower()
        assert request.endswith('{"k":"值"}'.encode())
        assert resolve.asked == 1  # type: ignore[attr-defined]


async def test_the_next_address_is_tried_where_nobody_listens() -> None:
    async with listening(TinyHttp()) as server:
        out = OutboundClient("127.0.0.0/8", resolve=resolver(["127.0.0.77", "127.0.0.1"]))
        answer = await out.request("POST", f"http://hook.example.org:{server.port}/", json={})
        assert answer.status == 200


async def test_redirects_are_not_followed() -> None:
    async with listening(TinyHttp()) as inside:
        location = f"http://127.0.0.1:{inside.port}/latest/meta-data".encode()
        moved = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location
        async with listening(TinyHttp(moved)) as server:
            out = OutboundClient("hook.example.org", resolve=resolver(["127.0.0.1"]))
            answer = await out.request("POST", f"http://hook.example.org:{server.port}/", json={})
        assert answer.status == 302
        assert inside.requests == []


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(TinyHttp()) as proxy, listening(TinyHttp()) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        await OutboundClient("127.0.0.1").request("POST", f"http://127.0.0.1:{server.port}/", json={})
        assert (len(proxy.requests), len(server.requests)) == (0, 1)


async def test_a_refused_connection_is_known_not_to_be_delivered() -> None:
    with pytest.raises(OutboundError) as error:
        await OutboundClient("127.0.0.1").request("POST", f"http://127.0.0.1:{free_port()}/", json={})
    assert not error.value.sent


async def test_an_answer_that_never_comes_may_mean_delivery() -> None:
    async with listening(TinyHttp()) as server:
        server.silent = True
        with pytest.raises(OutboundError, match=r"no answer within 0\.3 s|ReadTimeout") as error:
            await OutboundClient("127.0.0.1", seconds=0.3).request("POST", f"http://127.0.0.1:{server.port}/", json={})
        assert error.value.sent


async def test_a_hang_up_may_mean_delivery() -> None:
    async with listening(TinyHttp(None)) as server:
        with pytest.raises(OutboundError) as error:
            await OutboundClient("127.0.0.1").request("POST", f"http://127.0.0.1:{server.port}/", json={})
        assert error.value.sent


async def test_a_long_answer_is_cut() -> None:
    body = b"x" * 100_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with listening(TinyHttp(head + body)) as server:
        answer = await OutboundClient("127.0.0.1", most_bytes=1000).request(
            "POST", f"http://127.0.0.1:{server.port}/", json={}
        )
        assert answer.body == b"x" * 1000


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9/"),
        ("10.0.0.0/8, 127.0.0.1", "http://10.9.8.7/"),
        ("10.1.2.3/8", "http://10.9.8.7/"),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
        ("::1", "http://[::1]/"),
        ("[::1]", "http://[::1]/"),
        ("Gotify.lan", "http://gotify.LAN:25/push"),
        ("gotify.lan.", "http://gotify.lan./push"),
        ("hook_1.lan", "http://hook_1.lan/push"),
    ],
)
async def test_the_allow_list_opens_hosts_and_networks(allow: str, url: str) -> None:
    await OutboundClient(allow, resolve=resolver(["10.0.0.5"])).check(url)


async def test_the_allow_list_opens_nothing_else() -> None:
    out = OutboundClient("gotify.lan,10.0.0.0/24", resolve=resolver(["10.0.1.1"]))
    for url in ("http://other.gotify.lan/", "http://gotify.lan.example.org/", "http://10.0.1.1/", "http://127.0.0.1/"):
        with pytest.raises(AimoError):
            await out.check(url)


@pytest.mark.parametrize("allow", ["10.0.0.0/33", "http://gotify.lan/", "a b", "127.1", "*.lan"])
def test_an_allow_list_that_cannot_work_is_said_at_once(allow: str) -> None:
    with pytest.raises(ConfigurationError, match="OUTBOUND_ALLOW"):
        OutboundClient(allow)


def test_every_address_is_public_or_not_whatever_its_family() -> None:
    assert is_public(ipaddress.ip_address("1.1.1.1"))
    assert is_public(ipaddress.ip_address("2606:4700::1111"))
    assert not is_public(ipaddress.ip_address("::ffff:192.168.0.1"))


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A server's TLS with a certificate for hook.example.org that this process believes in."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example.org")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain = tmp_path / "chain.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = tmp_path / "key.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    outbound._trust.cache_clear()
    yield context
    outbound._trust.cache_clear()


async def test_the_certificate_is_checked_against_the_name(certified: ssl.SSLContext) -> None:
    out = OutboundClient("127.0.0.1", resolve=resolver(["127.0.0.1"]))
    async with listening(TinyHttp(), tls=certified) as server:
        answer = await out.request("POST", f"https://hook.example.org:{server.port}/", json={})
        assert answer.status == 200
        with pytest.raises(OutboundError, match=r"(?i)certificate") as error:
            await out.request("POST", f"https://other.example.org:{server.port}/", json={})
        assert not error.value.sent
        assert len(server.requests) == 1
