"""E-mail, by SMTP: text and HTML side by side."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from scheduler.alarms.delivery.letter import Letter, SendFailed
from scheduler.channel_kinds import EmailSettings

if TYPE_CHECKING:
    import aiosmtplib

_NEVER_FROM = 500
"""From this reply of SMTP on it will not work later; what is none says nothing of it."""
_PARTING_S = 1.0
"""A server may answer QUIT for so long: the message is its own by then."""


class Mail:
    """One mailbox to send from; *timeout_s* holds for the whole of a message."""

    def __init__(
        self, settings: EmailSettings, secrets: Mapping[str, str], *, timeout_s: float
    ) -> None:
        self._settings = settings
        self._password = secrets.get("password", "")
        self._timeout_s = timeout_s

    async def send(self, letter: Letter) -> str:
        import aiosmtplib

        settings = self._settings
        client = self._client()
        try:
            async with asyncio.timeout(self._timeout_s):
                await client.connect()
                refused, reply = await client.send_message(
                    self.message(letter),
                    sender=settings.sender,
                    recipients=list(letter.receivers),
                )
            await _part(client)
        except aiosmtplib.SMTPResponseException as error:
            reason = f"{settings.host} answered {error.code}: {error.message}"
            raise SendFailed(reason, retry=error.code < _NEVER_FROM) from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [one.code for one in error.recipients]
            reason = "; ".join(f"{one.recipient}: {one.message}" for one in error.recipients)
            raise SendFailed(reason, retry=all(code < _NEVER_FROM for code in codes)) from None
        except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
            reason = f"{settings.host}:{settings.port}: {type(error).__name__}: {error}"
            raise SendFailed(reason, retry=True) from None
        finally:
            client.close()
        return "; ".join([reply, *(f"refused {one}: {why}" for one, why in refused.items())])

    def _client(self) -> aiosmtplib.SMTP:
        """For one message. Raise SendFailed."""
        import aiosmtplib

        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=self._password or None,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._context(),
            timeout=self._timeout_s,
        )

    def message(self, letter: Letter) -> EmailMessage:
        """As it is sent; the policy refuses an end of line in a header, whatever wrote it."""
        settings, delivery = self._settings, letter.delivery
        domain = settings.sender.rpartition("@")[2]
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(settings.sender_name, addr_spec=settings.sender)
        message["To"] = [Address(addr_spec=one) for one in letter.receivers]
        message["Subject"] = letter.rendered.subject
        message["Date"] = format_datetime(delivery.created)
        message["Message-ID"] = f"<{delivery.message_id}@{domain}>"
        message["X-Qooerp-Message-Id"] = str(delivery.message_id)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.rendered.text)
        if letter.rendered.html:
            message.add_alternative(letter.rendered.html, subtype="html")
        return message

    def _context(self) -> ssl.SSLContext | None:
        if self._settings.security == "none":
            return None
        authority = self._settings.ca_certificate
        try:
            return ssl.create_default_context(cadata=authority or None)
        except (ssl.SSLError, TypeError, ValueError) as error:
            raise SendFailed(f"ca_certificate: {error}", retry=False) from None


async def _part(client: aiosmtplib.SMTP) -> None:
    """Say goodbye, if the server listens: nothing depends on it any more."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_PARTING_S):
            await client.quit()
