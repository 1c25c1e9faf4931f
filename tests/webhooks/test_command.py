"""`platehost webhook`, with the real command and a real webhooks process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from platehost.targets import Targets
from tests.service.support import ROOT, Processes, wait_until
from tests.webhooks.receiver import Receiver, Reply

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def webhook(own: Processes) -> Command:
    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli.main", "webhook", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=own.environment(), capture_output=True, text=True, timeout=60)

    return call


def test_from_adding_a_target_to_removing_it(own: Processes, webhook: Command, receiver: Receiver) -> None:
    own.settings["PLATEHOST_WEBHOOK_ALLOW"] = "127.0.0.1/32"
    own.start("webhooks")
    added = webhook("add", receiver.url, "--format", "form", "--header", "Authorization: Token abc", "--secret")
    assert added.returncode == 0, added.stderr
    number, secret = added.stdout.split()
    assert secret.startswith("whsec_")
    listed = webhook("list")
    assert receiver.url in listed.stdout
    assert secret not in listed.stdout
    assert "abc" not in listed.stdout

    tested = webhook("test", number)
    assert tested.returncode == 0, tested.stderr
    assert "answered 200" in tested.stdout
    assert receiver.received[0].headers["authorization"] == "Token abc"
    assert "webhook-signature" in receiver.received[0].headers

    attempts = webhook("attempts", number)
    row = attempts.stdout.splitlines()[1].split()
    assert row[2].startswith("msg_test")
    replayed = webhook("replay", "--delivery", row[2], number)
    assert replayed.stdout == "1 delivery is sent again.\n"
    wait_until(lambda: len(receiver.received) == 2, 10, "the replay arrives")
    wait_until(lambda: len(webhook("attempts", number).stdout.splitlines()) == 3, 10, "the replay is kept")
    assert webhook("replay", "--since", "2026-01-01", number).stdout == "1 delivery is sent again.\n"
    wait_until(lambda: len(receiver.received) == 3, 10, "the second replay arrives")

    assert webhook("limit", number, "--max-rate", "2.5").stdout == f"Target {number} gets at most 2.5/s.\n"
    limited = webhook("limit", number, "--max-in-flight", "1")
    assert limited.stdout == f"Target {number} gets at most 2.5/s, 1 at a time.\n"
    assert "2.5/s, 1 at a time" in webhook("list").stdout
    assert "1 to 64" in webhook("limit", number, "--max-in-flight", "65").stderr
    assert "--max-rate" in webhook("limit", number).stderr
    assert "no limits" in webhook("limit", number, "--max-rate", "0", "--max-in-flight", "0").stdout

    turned = webhook("rotate", number)
    assert turned.stdout.strip() not in {"", secret}
    assert webhook("off", number).returncode == 0
    off = webhook("list")
    assert f"Target {number} is off. Switched off on the command line." in off.stderr
    assert webhook("on", number).returncode == 0
    assert webhook("remove", number).returncode == 0
    assert Targets(own.server.client()).list_all() == []


def test_a_bad_answer_and_no_answer_to_a_test_are_told(own: Processes, webhook: Command, receiver: Receiver) -> None:
    own.start("webhooks")
    added = webhook("add", receiver.url)
    assert "127.0.0.1 is this machine itself" in added.stderr
    assert "PLATEHOST_WEBHOOK_ALLOW" in added.stderr
    number = added.stdout.strip()
    refused = webhook("test", number)
    assert refused.returncode == 1
    assert "PLATEHOST_WEBHOOK_ALLOW" in refused.stderr
    own.settings["PLATEHOST_WEBHOOK_ALLOW"] = "127.0.0.1/32"
    own.stop("webhooks")
    own.start("webhooks")
    receiver.reply = lambda received: Reply(500, json.dumps({"error": "no disk"}).encode())
    failed = webhook("test", number)
    assert failed.returncode == 1
    assert "answered 500" in failed.stdout
    assert "no disk" in failed.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add", "ftp://example.com"], "url must be an http or https URL"),
        (["add", "http://example.com", "--header", "abc"], "has no colon"),
        (["add", "http://example.com", "--secret", "abc"], "A secret is whsec_"),
        (["add", "http://example.com", "--format", "json", "--image", "plate"], "in the format multipart only"),
        (["remove", "7"], "No target has the id 7"),
        (["replay", "7", "--since", "monday"], "No target has the id 7"),
    ],
)
def test_mistakes_are_told_in_one_sentence(webhook: Command, arguments: list[str], sentence: str) -> None:
    done = webhook(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("platehost: ")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
