"""Which addresses may be called: a table of texts, names that change, and what the kernel makes of them."""

from __future__ import annotations

import contextlib
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from platehost.address_guard import AddressGuard, AddressRefused
from platehost.outbound import Outbound, OutboundError
from platehost.settings import SettingError
from tests.webhooks.receiver import Received, Receiver, Reply

REFUSED = {
    "127.0.0.1": "this machine",
    "127.255.0.3": "this machine",
    "0.0.0.0": "unspecified",  # noqa: S104
    "10.1.2.3": "not a public",
    "172.16.0.1": "not a public",
    "192.168.1.10": "not a public",
    "100.64.0.1": "not a public",
    "100.100.100.200": "not a public",
    "169.254.169.254": "metadata",
    "168.63.129.16": "metadata",
    "192.0.0.8": "protocols",
    "192.88.99.1": "6to4 relay",
    "198.18.0.1": "not a public",
    "203.0.113.7": "not a public",
    "224.0.0.1": "multicast",
    "240.0.0.1": "not a public",
    "255.255.255.255": "not a public",
    "::": "unspecified",
    "::1": "this machine",
    "::127.0.0.1": "IPv4 address in IPv6",
    "::ffff:127.0.0.1": "this machine",
    "::ffff:169.254.169.254": "metadata",
    "::ffff:a00:1": "not a public",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b::10.0.0.1": "NAT64",
    "64:ff9b:1::a00:1": "NAT64",
    "2001:0:53aa:64c::1": "Teredo",
    "2001:20::1": "overlay",
    "2001:db8::1": "not a public",
    "2002:7f00:1::": "6to4",
    "3fff::1": "documentation",
    "5f00::1": "segment routing",
    "fd00:ec2::254": "not a public",
    "fe80::1": "metadata",
    "fe80::1%eth0": "metadata",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
}


@pytest.mark.parametrize(("address", "reason"), REFUSED.items())
def test_addresses_that_are_not_public_are_refused(address: str, reason: str) -> None:
    assert reason in (AddressGuard().refusal(address) or "")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_pass(address: str) -> None:
    assert AddressGuard().refusal(address) is None


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]", "0"]
)
def test_every_way_to_write_this_machine_is_refused(host: str, receiver: Receiver) -> None:
    with pytest.raises(OutboundError, match="PLATEHOST_WEBHOOK_ALLOW") as caught:
        get(Outbound(AddressGuard()), f"http://{host}:{receiver.port}/")
    assert caught.value.refused
    assert not receiver.received


def test_one_bad_address_among_good_ones_refuses_the_name() -> None:
    guard = AddressGuard(resolve=Names(["8.8.8.8", "10.0.0.1", "1.1.1.1"]))
    with pytest.raises(AddressRefused, match=r"rebind\.example \(10\.0\.0\.1\) is not a public address"):
        guard.check("rebind.example", 80)


def test_a_refusal_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(AddressRefused):
        AddressGuard(resolve=Names(["169.254.169.254"])).check("metadata.example", 80)
    (record,) = caplog.records
    assert record.fields == {  # type: ignore[attr-defined]
        "host": "metadata.example",
        "address": "169.254.169.254",
        "reason": "link-local, where clouds keep their metadata",
    }


def test_a_name_that_changes_is_looked_up_once_per_connection(receiver: Receiver) -> None:
    """The first look-up gives the address that the guard allows; a second one would lead elsewhere."""
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    guard = AddressGuard.from_setting("127.0.0.1/32")
    guard = AddressGuard(guard._allowed, names)
    outbound = Outbound(guard)
    url = f"http://changing.example:{receiver.port}/"
    assert get(outbound, url).status == 200
    assert names.asked == ["changing.example"]
    assert receiver.received[0].headers["host"] == f"changing.example:{receiver.port}"
    assert get(outbound, url).status == 200, "the open connection is used again"
    assert names.asked == ["changing.example"]
    outbound.close()
    with pytest.raises(OutboundError, match=r"10\.0\.0\.1"):
        get(outbound, url)
    assert len(receiver.received) == 2


def test_the_next_address_is_tried_when_one_does_not_answer(receiver: Receiver) -> None:
    guard = AddressGuard(AddressGuard.from_setting("127.0.0.0/8")._allowed, Names(["127.0.0.2", "127.0.0.1"]))
    assert get(Outbound(guard), f"http://two.example:{receiver.port}/").status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_answers(status: int, receiver: Receiver) -> None:
    inside = Receiver()
    receiver.reply = lambda received: Reply(status, headers={"Location": inside.url})
    answer = get(Outbound(AddressGuard.from_setting("127.0.0.0/8")), receiver.url)
    assert answer.status == status
    assert not inside.received
    inside.close()


def test_proxies_and_passwords_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert get(Outbound(AddressGuard.from_setting("127.0.0.0/8")), receiver.url).status == 200


def test_cookies_are_not_kept(receiver: Receiver) -> None:
    receiver.reply = lambda received: Reply(headers={"Set-Cookie": "seen=1"})
    outbound = Outbound(AddressGuard.from_setting("127.0.0.0/8"))
    get(outbound, receiver.url)
    get(outbound, receiver.url)
    assert "cookie" not in receiver.received[1].headers


@pytest.mark.parametrize("reply", [Reply(hang=30), Reply(drip=True)])
def test_a_slow_receiver_is_cut_off(reply: Reply, receiver: Receiver) -> None:
    receiver.reply = lambda received: reply
    with pytest.raises(OutboundError, match=r"no answer within 0\.5 s"):
        get(Outbound(AddressGuard.from_setting("127.0.0.0/8")), receiver.url)


def test_only_the_beginning_of_a_long_answer_is_read(receiver: Receiver) -> None:
    receiver.reply = lambda received: Reply(body=b"a" * 3000)
    outbound = Outbound(AddressGuard.from_setting("127.0.0.0/8"))
    short = get(outbound, receiver.url, most_bytes=3000)
    assert (len(short.body), short.whole) == (3000, True)
    long = get(outbound, receiver.url, most_bytes=2999)
    assert (len(long.body), long.whole) == (2999, False)


def test_what_went_wrong_is_said_in_plain_words(receiver: Receiver) -> None:
    outbound = Outbound(AddressGuard.from_setting("127.0.0.0/8"))
    receiver.close()
    with pytest.raises(OutboundError, match="the connection was refused"):
        get(outbound, receiver.url)
    with pytest.raises(OutboundError, match="name was not found"):
        get(outbound, "http://nothing.invalid/")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(OutboundError, match="no answer within"):
            get(outbound, f"https://127.0.0.1:{listener.getsockname()[1]}/")


def test_a_tls_receiver_without_a_trusted_certificate_is_not_served(receiver: Receiver) -> None:
    with pytest.raises(OutboundError, match="no trusted connection"):
        get(Outbound(AddressGuard.from_setting("127.0.0.0/8")), receiver.url.replace("http:", "https:"))


def test_connections_stay_open_to_the_hosts_that_were_used_last() -> None:
    outbound = Outbound(AddressGuard.from_setting("127.0.0.0/8"), hosts=2)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with contextlib.ExitStack() as stack:
        lines: list[socket.socket] = []
        for _ in range(3):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            with ThreadPoolExecutor(1) as other:
                url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
                asked = other.submit(outbound.send, "GET", url, seconds=20, most_bytes=1000)
                lines.append(stack.enter_context(listener.accept()[0]))
                lines[-1].recv(1000)
                lines[-1].sendall(answer)
                assert asked.result().body == b"ok"
        lines[0].settimeout(5)
        assert lines[0].recv(1) == b"", "the oldest is closed"
        for line in lines[1:]:
            line.setblocking(False)
            with pytest.raises(BlockingIOError):
                line.recv(1)
        outbound.close()


@pytest.mark.parametrize("text", ["", " ", "10.0.0.0/8, fd00::/8,"])
def test_the_setting_is_a_list_of_networks(text: str) -> None:
    allowed = AddressGuard.from_setting(text)
    assert (allowed.refusal("10.9.9.9") is None) == bool(text.strip())


@pytest.mark.parametrize("text", ["10.0.0.1/8", "lan", "10.0.0.0/8;127.0.0.1"])
def test_a_network_that_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(SettingError, match="PLATEHOST_WEBHOOK_ALLOW"):
        AddressGuard.from_setting(text)


def get(outbound: Outbound, url: str, most_bytes: int = 1000) -> Any:
    return outbound.send("GET", url, seconds=0.5, most_bytes=most_bytes)


class Names:
    """A resolver whose answers change: each look-up takes the next, the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


def test_the_received_request_is_kept_as_it_came(receiver: Receiver) -> None:
    outbound = Outbound(AddressGuard.from_setting("127.0.0.0/8"))
    outbound.send("POST", receiver.url, headers={"X-Own": "a"}, body=b"{}", seconds=5, most_bytes=10)
    received: Received = receiver.received[0]
    assert (received.path, received.body, received.headers["x-own"]) == ("/hook", b"{}", "a")
    assert received.headers["content-length"] == "2"
    assert "transfer-encoding" not in received.headers
