"""Tells the owner of a target by e-mail that it was switched off. Without a mail server, the log and the list tell."""

from __future__ import annotations

import logging
import smtplib
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from platehost.accounts import Accounts
from platehost.settings import SettingError, Settings
from platehost.store import Client
from platehost.targets import Target, Targets

log = logging.getLogger("webhooks.mail")

_QUEUE = "platehost:notices"
_TIMEOUT = 15.0
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
# The process that puts a notice switches the target off right after.
_SECONDS_BEFORE_FIRST = 1.0
_SECONDS_BETWEEN_TRIES = 300.0


class Notices:
    """The targets whose owners are still to be told, kept until a mail was taken or is of no use."""

    def __init__(
        self, store: Client, targets: Targets, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        """Raises SettingError for a mail server that cannot be read."""
        self._store = store
        self._targets = targets
        self._settings = settings
        self._clock = clock
        if settings.smtp_url:
            _server(settings.smtp_url)

    def put(self, target_id: int) -> None:
        self._store.zadd(_QUEUE, {str(target_id): self._clock() + _SECONDS_BEFORE_FIRST})

    def send_due(self) -> None:
        """One try for each notice that is due. Raises redis.RedisError."""
        for each in self._store.zrange(_QUEUE, "-inf", self._clock(), byscore=True):
            target = self._targets.get(int(each))
            if target is None or target.on or self._told(target):
                self._store.zrem(_QUEUE, each)
            else:
                self._store.zadd(_QUEUE, {each: self._clock() + _SECONDS_BETWEEN_TRIES})

    def _account_mail(self, account_id: str) -> str:
        account = Accounts(self._store).get(account_id)
        return account.mail if account else ""

    def _told(self, target: Target) -> bool:
        to = target.mail or self._account_mail(target.account) or self._settings.mail_to
        if not self._settings.smtp_url or not to:
            return True
        message = EmailMessage()
        message["From"], message["To"] = self._settings.mail_from, to
        message["Subject"] = f"Webhook {target.id} was switched off"
        message.set_content(
            f"The webhook {target.id} of the account {target.account} to {urlsplit(target.url).hostname} was switched "
            f"off.\n\n{target.off_reason}\n\nNew recognitions are not sent to it. What already waited for it is sent "
            f"when it is switched on again:\n\n    platehost webhook on {target.id}\n"
        )
        try:
            _send(self._settings.smtp_url, message)
        except (OSError, smtplib.SMTPException) as error:
            log.warning("a mail was not taken", extra={"fields": {"target": target.id, "error": str(error)}})
            return False
        log.info("mail sent", extra={"fields": {"target": target.id}})
        return True


def _send(url: str, message: EmailMessage) -> None:
    scheme, host, port, user, password = _server(url)
    kind = smtplib.SMTP_SSL if scheme == "smtps" else smtplib.SMTP
    with kind(host, port, timeout=_TIMEOUT) as server:
        if scheme == "smtp+starttls":
            server.starttls(context=ssl.create_default_context())
        if user:
            server.login(user, password)
        server.send_message(message)


def _server(url: str) -> tuple[str, str, int, str, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname:
        # Not the URL itself: it may hold a password.
        raise SettingError("PLATEHOST_SMTP_URL must be like smtp://host:25, smtp+starttls://… or smtps://….")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme], user, password
