"""Secrets come from files and variables, and go nowhere else."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.parity.conftest import Kit
from tests.parity.hostile import sends, talking, whole
from tests.parity.services import serving

_SECRET = "between-us"


@pytest.mark.parametrize("source", ["@headers.txt", "PARITY_HEADER", "--header"])
def test_headers_come_from_files_and_variables(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """One a line; they are sent, and never recorded."""
    seen: list[dict[str, str]] = []

    def app(environ: dict[str, str], start_response: object) -> list[bytes]:
        seen.append({name: environ.get(name, "") for name in ("HTTP_AUTHORIZATION", "HTTP_X_KEY")})
        start_response("200 OK", [("Content-Type", "application/json")])  # type: ignore[operator]
        return [b"{}"]

    lines = f"Authorization: Bearer {_SECRET}\n\nX-Key: a b\n"
    options = []
    if source == "PARITY_HEADER":
        monkeypatch.setenv("PARITY_HEADER", lines)
    elif source == "--header":
        options = [f"--header={line}" for line in lines.splitlines() if line]
    else:
        (tmp_path / "headers.txt").write_text(f"\ufeff{lines}", encoding="utf-8")
        options = ["--header", source]
    with serving(app) as url:
        ended = kit("record", url, "--users", "1", *options)

    assert seen == [{"HTTP_AUTHORIZATION": f"Bearer {_SECRET}", "HTTP_X_KEY": "a b"}] * 2
    assert _SECRET not in (tmp_path / "recordings.jsonl").read_text(encoding="utf-8")
    assert ended.code == 0


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (_SECRET, "must be 'Name: value'"),
        (f"X A: {_SECRET}", "must be 'Name: value'"),
        (f"X-A: {_SECRET}\u044f", "must be 'Name: value'"),
        ("@none.txt", "none.txt can't be read"),
        ("@bad.txt", "bad.txt:2: must be 'Name: value'"),
    ],
)
def test_a_wrong_header_is_refused(kit: Kit, tmp_path: Path, header: str, said: str) -> None:
    """The message doesn't quote it: it may be the secret."""
    (tmp_path / "bad.txt").write_text(f"X-A: 1\n{_SECRET}\n", encoding="utf-8")
    ended = kit("record", "http://127.0.0.1:9", "--users", "1", "--header", header)

    assert said in ended.err
    assert _SECRET not in ended.err
    assert ended.code == 2


def test_a_url_with_a_password_is_refused(kit: Kit) -> None:
    """Reports would show it, and it would not be sent."""
    ended = kit("record", f"http://me:{_SECRET}@127.0.0.1:9", "--users", "1")

    assert "not one with a user name" in ended.err
    assert _SECRET not in ended.err
    assert ended.code == 2


def test_each_service_gets_its_own_headers(kit: Kit, tmp_path: Path) -> None:
    """And no report has them."""
    with talking(sends(whole(b'{"a":1}'))) as legacy, talking(sends(whole(b'{"a":2}'))) as new:
        ended = kit(
            *("compare", legacy, new, "--users", "1", "--html", "page.html", "--json", "r.json"),
            *("--legacy-header", f"X-Key: {_SECRET}", "--new-header", f"X-Key: {_SECRET}"),
        )

    assert ended.code == 1
    assert _SECRET not in ended.out
    for name in ("page.html", "r.json"):
        assert _SECRET not in (tmp_path / name).read_text(encoding="utf-8")


@dataclass
class Authority:
    """A CA in a folder, which issues certificates for 127.0.0.1; as old ones, without key ids."""

    folder: Path

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        made = self._builder(self.name, self.key.public_key()).add_extension(constraints, True)
        own = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        made = made.add_extension(own, False).add_extension(usage, True)
        self.file = self._write("ca.pem", made.sign(self.key, hashes.SHA256()))

    def issue(self, name: str, password: bytes | None = None) -> tuple[Path, Path]:
        """Return the files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        made = self._builder(subject, key.public_key()).add_extension(names, False)
        # Python 3.13 and newer refuse a certificate that doesn't say whose key signed it.
        made = made.add_extension(issuer, False)
        hidden = (
            serialization.BestAvailableEncryption(password)
            if password
            else serialization.NoEncryption()
        )
        file = self.folder / f"{name}.key"
        file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
        )
        return self._write(f"{name}.pem", made.sign(self.key, hashes.SHA256())), file

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            self.name,
            subject,
            key,
            x509.random_serial_number(),
            now - timedelta(1),
            now + timedelta(1),
        )

    def _write(self, name: str, made: x509.Certificate) -> Path:
        file = self.folder / name
        file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return file


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA."""
    return Authority(tmp_path_factory.mktemp("ca"))


@contextmanager
def _tls(authority: Authority) -> Iterator[str]:
    """Serve over TLS, to who has a certificate of the CA."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
    context.load_cert_chain(*authority.issue("server"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with serving(_names_client, context) as url:
        yield url.replace("http://", "https://")


def _names_client(environ: dict[str, object], start_response: object) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])  # type: ignore[operator]
    return [b"{}"]


def test_a_client_certificate_opens_the_door(kit: Kit, authority: Authority) -> None:
    """Its key may be a file of its own; the CA of a company is trusted by its file."""
    cert, key = authority.issue("client")
    with _tls(authority) as url:
        command = ["record", url, "--users", "1", "--output"]
        ended = kit(*command, "a", "--cert", cert, "--key", key, "--cacert", authority.file)
        closed = kit(*command, "b", "--cacert", authority.file)
        unknown = kit(*command, "c", "--cert", cert, "--key", key)

    assert ended.code == 0
    assert closed.code == unknown.code == 3
    assert "CERTIFICATE_VERIFY_FAILED" in unknown.err


def test_an_encrypted_key_has_its_password_in_a_variable(
    kit: Kit, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no prompt; the line says where it belongs."""
    cert, key = authority.issue("hidden", password=b"open")
    with _tls(authority) as url:
        command = ["record", url, "--users", "1", "--cacert", authority.file]
        command += ["--cert", cert, "--key", key]
        closed = kit(*command)
        monkeypatch.setenv("PARITY_KEY_PASSWORD", "open")
        ended = kit(*command)

    assert "PARITY_KEY_PASSWORD must hold the password" in closed.err
    assert (closed.code, ended.code) == (2, 0)


def test_wrong_files_are_refused(kit: Kit, authority: Authority, tmp_path: Path) -> None:
    """Before the first request."""
    (tmp_path / "empty.pem").write_text("", encoding="utf-8")
    url = "https://127.0.0.1:9"
    no_cert = kit("record", url, "--users", "1", "--key", authority.file)
    no_ca = kit("record", url, "--users", "1", "--cacert", "empty.pem")
    plain = kit("record", "http://127.0.0.1:9", "--users", "1", "--cacert", authority.file)

    assert "is a key without a certificate" in no_cert.err
    assert "empty.pem holds no CA certificates" in no_ca.err
    assert "are for https://" in plain.err
    assert no_cert.code == no_ca.code == plain.code == 2
