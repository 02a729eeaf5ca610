"""Connections to MySQL are encrypted, and certificates checked, as far as the settings ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text
from tests.support.mariadb import MariaDB

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.errors import ConfigurationError

Make = Callable[..., Settings]


def certificate(
    folder: Path, name: str, host: str, signer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None
) -> None:
    """Write ``name.pem`` and ``name.key``, signed by somebody or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signing_key = signer or (subject, key)
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    plain, pkcs8 = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))


def authority(folder: Path, name: str) -> tuple[x509.Name, ec.EllipticCurvePrivateKey]:
    certificate(folder, name, f"{name}.invalid", None)
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes()).subject, key


@pytest.fixture(scope="module")
def encrypting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MariaDB, Path]]:
    """A server that offers encryption, and the folder of the authorities ``ours`` and ``theirs``."""
    folder = tmp_path_factory.mktemp("authorities")
    authority(folder, "theirs")
    signer = authority(folder, "ours")
    server = MariaDB(options=())
    certificate(server.folder, "server", "database.invalid", signer)
    for path in server.folder.iterdir():
        path.chmod(0o644)
    server.use_options(f"--ssl-cert={server.folder}/server.pem", f"--ssl-key={server.folder}/server.key")
    try:
        yield server.start(), folder
    finally:
        server.close()


async def cipher(settings: Settings) -> str:
    database = await Database.open(settings)
    try:
        async with database.reads() as connection:
            row = (await connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'"))).one()
        return str(row[1])
    finally:
        await database.close()


@pytest.mark.parametrize("driver", ["asyncmy", "aiomysql"])
async def test_connections_are_encrypted_when_that_is_asked_for(
    encrypting: tuple[MariaDB, Path], settings: Make, driver: str
) -> None:
    server, folder = encrypting
    chosen = {**server.create_database(), "mysql_driver": driver}
    assert await cipher(settings(**chosen)) == ""
    for mode in ("preferred", "required"):
        assert await cipher(settings(**chosen, mysql_ssl_mode=mode))
    assert await cipher(settings(**chosen, mysql_ssl_mode="verify_ca", mysql_ssl_ca=folder / "ours.pem"))


@pytest.mark.parametrize("driver", ["asyncmy", "aiomysql"])
@pytest.mark.parametrize(("mode", "authority"), [("verify_ca", "theirs"), ("verify_identity", "ours")])
async def test_a_server_that_is_not_the_right_one_is_refused(
    encrypting: tuple[MariaDB, Path], settings: Make, driver: str, mode: str, authority: str
) -> None:
    """Another authority has signed the certificate, or it is for another host than 127.0.0.1."""
    server, folder = encrypting
    chosen = {**server.create_database(), "mysql_driver": driver, "mysql_ssl_ca": folder / f"{authority}.pem"}
    with pytest.raises(ConfigurationError, match="check MYSQL_SSL_MODE and MYSQL_SSL_CA"):
        await cipher(settings(**chosen, mysql_ssl_mode=mode))


@pytest.mark.parametrize("driver", ["asyncmy", "aiomysql"])
async def test_a_server_without_encryption_gets_no_connection_that_must_be_encrypted(
    mysql_database: dict[str, str], settings: Make, driver: str
) -> None:
    chosen = {**mysql_database, "mysql_driver": driver}
    if await cipher(settings(**chosen, mysql_ssl_mode="preferred")):
        return  # a server of its own that offers encryption
    with pytest.raises(ConfigurationError, match="check MYSQL_SSL_MODE and MYSQL_SSL_CA"):
        await cipher(settings(**chosen, mysql_ssl_mode="required"))
