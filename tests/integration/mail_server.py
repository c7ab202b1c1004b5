"""A real SMTP server for tests: STARTTLS, a password, mailboxes; it can be down and be slow."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from executor.testing._ports import free_port

USER, PASSWORD = "scheduler", "p4ss-of-the-mailbox"


class MailServer:
    """Serves on a port of its own between `start` and `stop`, and keeps what it takes."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.certificate = a_certificate(folder)
        self._folder = folder
        self.mails: list[EmailMessage] = []
        self.receivers: list[list[str]] = []
        self.answers: list[str] = []
        """What is said to the next messages in place of taking them."""
        self.pause = threading.Event()
        """Cleared: a message is taken, and the answer waits."""
        self.pause.set()
        self.parting = threading.Event()
        """Cleared: QUIT is not answered."""
        self.parting.set()
        self._controller: Controller | None = None

    def start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "cert.pem", self._folder / "key.pem")
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            tls_context=context,
            require_starttls=True,
            authenticator=_authenticate,
            auth_required=True,
            ready_timeout=60,
        )
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.receivers.append(list(envelope.rcpt_tos))
        self.mails.append(mail)
        end = time.monotonic() + 30
        while not self.pause.is_set() and time.monotonic() < end:
            await _moment()
        return "250 taken as 4711"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        end = time.monotonic() + 30
        while not self.parting.is_set() and time.monotonic() < end:
            await _moment()
        return "221 bye"

    def ids(self) -> list[str]:
        """The ids of the messages, as receivers tell repetitions by."""
        return [str(mail["X-Qooerp-Message-Id"]) for mail in self.mails]

    def channel(self, **more: object) -> dict[str, Any]:
        """A channel of e-mail that sends by this server, as the configuration has it."""
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "username": USER,
            "sender": "scheduler@example.com",
            "ca_certificate": self.certificate,
        }
        return {
            "name": "mail",
            "kind": "email",
            "settings": settings,
            "secrets": {"password": PASSWORD},
            "receivers": ["ops@example.com"],
        } | more


async def _moment() -> None:
    import asyncio

    await asyncio.sleep(0.01)


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    assert isinstance(data, LoginPassword)
    good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=good)


def a_certificate(folder: Path) -> str:
    """Write `cert.pem` and `key.pem` for 127.0.0.1 in *folder*; the certificate, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(host, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(text)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return text.decode()
