"""The owner of a target that was switched off gets a mail, by a real SMTP server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
import redis
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from platehost.accounts import Accounts
from platehost.blobs import RedisBlobs
from platehost.jobs import JobRequest, Jobs
from platehost.settings import SettingError, Settings
from platehost.store import connect_waiting
from platehost.targets import Targets
from tests.service.support import Processes, free_port, wait_until
from tests.webhooks.office import JPEG, Office
from tests.webhooks.receiver import Receiver, Reply
from webhooks.mail import Notices

# The password goes over loopback in plain.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")


class Mailbox:
    """Keeps every mail, or refuses them all."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.refuse = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.refuse:
            return "451 Try again later"
        self.mails.append(envelope)
        return "250 OK"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def smtp(mailbox: Mailbox) -> Iterator[str]:
    def login(*arguments: Any) -> AuthResult:
        return AuthResult(success=(arguments[-1].login, arguments[-1].password) == (b"user", b"p@ss"))

    port = free_port()
    controller = Controller(mailbox, "127.0.0.1", port, authenticator=login, auth_required=True, auth_require_tls=False)
    controller.start()
    yield f"smtp://user:p%40ss@127.0.0.1:{port}"
    controller.stop()


def switched_off(office: Office, receiver: Receiver, mail: str = "") -> int:
    receiver.reply = lambda received: Reply(410)
    target = office.add(receiver.url, mail=mail)
    office.recognise()
    office.deliver()
    office.now += 2
    return target.id


def test_the_owner_is_told_once(
    store: redis.Redis, settings: Settings, receiver: Receiver, smtp: str, mailbox: Mailbox
) -> None:
    office = Office(store, settings, smtp_url=smtp, mail_from="plates@example.com", mail_to="all@example.com")
    target_id = switched_off(office, receiver, "owner@example.com")
    office.notices.send_due()
    office.now += 1000
    office.notices.send_due()
    (mail,) = mailbox.mails
    assert (mail.mail_from, mail.rcpt_tos) == ("plates@example.com", ["owner@example.com"])
    message = message_from_bytes(mail.content, policy=default)  # type: ignore[arg-type]
    assert message["Subject"] == f"Webhook {target_id} was switched off"
    text = message.get_content()
    assert "The receiver answered 410 Gone." in text
    assert f"platehost webhook on {target_id}" in text
    assert "/hook" not in text, "a URL may hold a key"


def test_without_a_mail_of_its_own_the_account_is_told(
    store: redis.Redis, settings: Settings, receiver: Receiver, smtp: str, mailbox: Mailbox
) -> None:
    Accounts(store).change("main", mail="account@example.com")
    office = Office(store, settings, smtp_url=smtp, mail_to="all@example.com")
    switched_off(office, receiver)
    office.notices.send_due()
    assert [mail.rcpt_tos for mail in mailbox.mails] == [["account@example.com"]]


def test_without_an_owner_the_operator_is_told(
    store: redis.Redis, settings: Settings, receiver: Receiver, smtp: str, mailbox: Mailbox
) -> None:
    office = Office(store, settings, smtp_url=smtp, mail_to="all@example.com")
    switched_off(office, receiver)
    office.notices.send_due()
    assert [mail.rcpt_tos for mail in mailbox.mails] == [["all@example.com"]]


def test_a_mail_that_is_not_taken_is_tried_again(
    store: redis.Redis, settings: Settings, receiver: Receiver, smtp: str, mailbox: Mailbox
) -> None:
    office = Office(store, settings, smtp_url=smtp, mail_to="all@example.com")
    mailbox.refuse = True
    switched_off(office, receiver)
    office.notices.send_due()
    mailbox.refuse = False
    office.notices.send_due()
    assert not mailbox.mails, "not at once"
    office.now += 301
    office.notices.send_due()
    assert len(mailbox.mails) == 1


def test_without_a_mail_server_the_log_and_the_list_tell(
    store: redis.Redis, settings: Settings, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(store, settings)
    target_id = switched_off(office, receiver)
    assert "webhook.disabled" in caplog.messages
    office.notices.send_due()
    target = office.targets.get(target_id)
    assert target
    assert target.described()["off_reason"] == "The receiver answered 410 Gone."
    assert not store.exists("platehost:notices")


@pytest.mark.parametrize("url", ["mail.example.com", "http://a", "smtp://", "smtp://a:b@c:99999"])
def test_a_mail_server_that_cannot_be_read_is_told_without_its_password(store: redis.Redis, url: str) -> None:
    with pytest.raises(SettingError, match="PLATEHOST_SMTP_URL") as caught:
        Notices(store, Targets(store), Settings(smtp_url=url))
    assert "a:b" not in str(caught.value)


def test_the_running_process_switches_off_and_tells(
    own: Processes, receiver: Receiver, smtp: str, mailbox: Mailbox
) -> None:
    """Days are seconds here."""
    receiver.reply = lambda received: Reply(500)
    own.settings |= {
        "PLATEHOST_WEBHOOK_ALLOW": "127.0.0.1/32",
        "PLATEHOST_WEBHOOK_RETRIES": ",".join(["0.5"] * 50),
        "PLATEHOST_WEBHOOK_DISABLE_AFTER": "2",
        "PLATEHOST_SMTP_URL": smtp,
        "PLATEHOST_MAIL_TO": "all@example.com",
    }
    store = own.server.client()
    target = Targets(store).add("main", receiver.url)
    own.start("tests.webhooks.scripted_worker")
    own.start("webhooks")
    jobs = Jobs(store, connect_waiting(own.server.url, longest=30), RedisBlobs(store), Settings())
    jobs.submit(JPEG, JobRequest("main", "npr"))
    wait_until(lambda: mailbox.mails, 40, "the mail arrives")
    known = Targets(store).get(target.id)
    assert known
    assert not known.on
    assert known.off_reason.endswith("the last one: status 500.")
    assert "webhook.disabled" in own.log("webhooks")
    assert "p@ss" not in own.log("webhooks")
