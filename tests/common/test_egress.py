"""The outgoing client: what it never dials, what it never follows, and when it gives up."""

import io
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import transaction

from tests.outside.receivers import Receiver
from tracker_project.common import egress
from tracker_project.common.egress import InsideTransaction, NoAnswer, OutgoingRequest, download, is_public, send

NEVER_DIALLED = [
    "0.0.0.0",  # noqa: S104  (dialled by nobody, bound by nobody)
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:100.64.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:53aa:64c::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:101::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
DIALLED = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def get(url: str) -> egress.Answer:
    return send(OutgoingRequest(method="GET", url=url))


def resolve_to(*answers: str):
    """Stand in for DNS: each look-up takes the next answer, the last one stays."""
    left = list(answers)

    def getaddrinfo(host, port, *args, **kwargs):
        address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sockaddr = (address, port, 0, 0) if ":" in address else (address, port)
        return [(family, socket.SOCK_STREAM, 6, "", sockaddr)]

    return getaddrinfo


@pytest.mark.parametrize("address", NEVER_DIALLED)
def test_is_public_refuses_what_is_not_on_the_internet(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", DIALLED)
def test_is_public_takes_what_is_on_the_internet(address):
    assert is_public(address)


@pytest.mark.parametrize("address", NEVER_DIALLED)
def test_send_dials_no_address_that_is_not_public(settings, monkeypatch, address):
    settings.EGRESS_ALLOWED_ADDRESSES = []
    monkeypatch.setattr(socket, "getaddrinfo", resolve_to(address.partition("%")[0]))
    dialled: list[object] = []
    monkeypatch.setattr(egress._Socket, "connect", lambda self, where: dialled.append(where))

    with pytest.raises(NoAnswer) as raised:
        get("https://partner.example/postback")

    assert not raised.value.can_retry
    assert dialled == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]", "127.0.0.1."],
)
def test_send_reaches_no_loopback_under_any_spelling(settings, receiver, host):
    settings.EGRESS_ALLOWED_ADDRESSES = []

    with pytest.raises(NoAnswer):
        get(f"http://{host}:{receiver.port}/s2s")

    assert receiver.connections == 0


def test_send_checks_the_address_that_a_second_look_up_gives(settings, monkeypatch, receiver):
    settings.EGRESS_ALLOWED_ADDRESSES = ["127.0.0.2/32"]
    monkeypatch.setattr(socket, "getaddrinfo", resolve_to("127.0.0.2", "127.0.0.1"))
    socket.getaddrinfo("rebinding.example", 80)

    with pytest.raises(NoAnswer) as raised:
        get(f"http://rebinding.example:{receiver.port}/s2s")

    assert not raised.value.can_retry
    assert receiver.connections == 0


def test_send_fails_closed_and_may_retry_when_a_name_cannot_be_resolved(monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(socket.EAI_AGAIN, "temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(NoAnswer, match="could not be resolved") as raised:
        get("https://partner.example/")

    assert raised.value.can_retry


def test_send_dials_only_the_web_ports_of_public_hosts(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", resolve_to("8.8.8.8"))

    with pytest.raises(NoAnswer, match="80 or 443"):
        get("http://partner.example:25/")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://partner.example/", "//partner.example/", "https:///x", ""]
)
def test_send_refuses_what_is_not_http(url):
    with pytest.raises(NoAnswer) as raised:
        get(url)

    assert not raised.value.can_retry


def test_send_follows_no_redirect(receiver):
    receiver.fail_next(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})

    answer = get(f"{receiver.url}/s2s")

    assert answer.status == 302
    assert len(receiver.requests()) == 1


def test_send_ignores_proxies_of_the_environment(monkeypatch, receiver):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    answer = get(f"{receiver.url}/s2s?a=1")

    assert (answer.status, answer.body) == (200, b"OK")


def test_send_uses_a_connection_again(receiver):
    get(f"{receiver.url}/s2s")
    get(f"{receiver.url}/partner")

    assert receiver.connections == 1


def test_send_reads_a_bounded_body(receiver):
    receiver.fail_next(status=200, body="x" * 1_000_000)

    answer = get(f"{receiver.url}/s2s")

    assert len(answer.body) == egress.MAX_ANSWER_BYTES
    assert get(f"{receiver.url}/s2s").body == b"OK"


def test_send_gives_up_on_an_answer_that_does_not_come(monkeypatch, receiver):
    monkeypatch.setattr(egress, "TOTAL_SECONDS", 0.3)
    receiver.fail_next(delay=5)

    with pytest.raises(NoAnswer, match="in time") as raised:
        get(f"{receiver.url}/s2s")

    assert raised.value.can_retry


def test_send_gives_up_on_an_answer_that_drips(monkeypatch):
    monkeypatch.setattr(egress, "TOTAL_SECONDS", 0.5)
    server = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = server.accept()
        connection.recv(4096)
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(40):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return
                time.sleep(0.1)

    thread = threading.Thread(target=drip)
    thread.start()
    started = time.monotonic()

    with pytest.raises(NoAnswer, match="in time"):
        get(f"http://127.0.0.1:{server.getsockname()[1]}/")

    assert time.monotonic() - started < 2
    thread.join()
    server.close()


def test_download_writes_a_body_of_any_size_within_its_own_time(monkeypatch, receiver):
    monkeypatch.setattr(egress, "TOTAL_SECONDS", 0.1)
    receiver.fail_next(delay=0.4, status=200, body="x" * 200_000)
    written = io.BytesIO()

    answer = download(
        OutgoingRequest(method="GET", url=f"{receiver.url}/s2s"), written, most_bytes=1_000_000, seconds=5
    )

    assert (answer.status, answer.body) == (200, b"")
    assert written.getvalue() == b"x" * 200_000


def test_download_gives_up_after_its_own_time(receiver):
    receiver.fail_next(delay=5)

    with pytest.raises(NoAnswer, match="in time"):
        download(OutgoingRequest(method="GET", url=f"{receiver.url}/s2s"), io.BytesIO(), most_bytes=1_000, seconds=0.3)


def test_download_returns_what_is_no_success_and_writes_nothing(receiver):
    receiver.fail_next(status=404, body="no such file")
    written = io.BytesIO()

    answer = download(OutgoingRequest(method="GET", url=f"{receiver.url}/s2s"), written, most_bytes=1_000, seconds=5)

    assert (answer.status, answer.body) == (404, b"no such file")
    assert written.getvalue() == b""


def test_send_says_a_refused_connection_may_be_retried():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(NoAnswer) as raised:
        get(f"http://127.0.0.1:{port}/secret-path?token=secret")

    assert raised.value.can_retry
    assert "secret" not in str(raised.value)


@pytest.mark.django_db(transaction=True)
def test_send_refuses_to_work_inside_a_transaction(receiver):
    with transaction.atomic(), pytest.raises(InsideTransaction):
        get(f"{receiver.url}/s2s")

    assert receiver.connections == 0
