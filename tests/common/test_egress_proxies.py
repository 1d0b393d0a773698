"""Through a proxy: the target is looked up and checked here, encryption ends at the target, and nothing goes past."""

import datetime
import http.server
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conversions.models import Postback
from tests.common.connect_proxy import ConnectProxy
from tests.conversions.delivering import deliver_all
from tests.conversions.postbacks.rows import make_first_deposit, make_generic, make_meta
from tests.outside.receivers import Receiver
from tests.world import NOON
from tracker_project.common import egress
from tracker_project.common.egress import NoAnswer, OutgoingRequest, send
from tracker_project.common.proxies import Proxy, parse_proxies


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def proxy(settings) -> Iterator[ConnectProxy]:
    with ConnectProxy() as proxy:
        settings.EGRESS_PROXIES = through(proxy)
        yield proxy


def through(proxy: ConnectProxy, route: str = "", credentials: str = "") -> dict[str, Proxy]:
    user, _, password = credentials.partition(":")
    return {route: Proxy(host="127.0.0.1", port=proxy.port, user=user, password=password)}


def get(url: str, route: str = "") -> egress.Answer:
    return send(OutgoingRequest(method="GET", url=url, route=route))


def test_send_goes_through_the_proxy_to_the_address_that_it_looked_up(proxy, receiver):
    answer = get(f"http://localhost:{receiver.port}/s2s?a=1")

    assert (answer.status, answer.body) == (200, b"OK")
    assert proxy.asked == [f"CONNECT 127.0.0.1:{receiver.port}"]
    [request] = receiver.requests()
    assert (request.path, request.headers["host"]) == ("/s2s", f"localhost:{receiver.port}")


def test_send_uses_a_tunnel_again_and_none_for_another_route(settings, proxy, receiver):
    settings.EGRESS_PROXIES = through(proxy, "meta")

    for route in ("meta", "meta", "tiktok"):
        get(f"{receiver.url}/s2s", route)

    assert len(proxy.asked) == 1
    assert receiver.connections == 2


def test_a_route_of_its_own_goes_before_the_proxy_of_all(settings, proxy, receiver):
    with ConnectProxy() as other:
        settings.EGRESS_PROXIES = through(proxy) | through(other, "meta")

        get(f"{receiver.url}/s2s", "meta")
        get(f"{receiver.url}/s2s", "generic")

        assert (len(other.asked), len(proxy.asked)) == (1, 1)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "64:ff9b::a9fe:a9fe", "::ffff:127.0.0.1"])
def test_send_asks_no_proxy_for_what_is_not_public(settings, monkeypatch, proxy, address):
    settings.EGRESS_ALLOWED_ADDRESSES = []
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answer = [(family, socket.SOCK_STREAM, 6, "", (address, 443, 0, 0) if ":" in address else (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answer)

    with pytest.raises(NoAnswer) as raised:
        get("https://partner.example/")

    assert not raised.value.can_retry
    assert proxy.asked == []


def test_the_proxy_itself_may_stand_inside(settings, monkeypatch, proxy):
    settings.EGRESS_ALLOWED_ADDRESSES = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        return real("8.8.8.8" if host == "partner.example" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with ConnectProxy(answer=b"HTTP/1.1 502 Bad Gateway\r\n\r\n") as refusing:
        settings.EGRESS_PROXIES = through(refusing)

        with pytest.raises(NoAnswer, match=r"The proxy did not connect us \(502\)\."):
            get("http://partner.example/")

        assert refusing.asked == ["CONNECT 8.8.8.8:80"]


def test_send_fails_closed_when_the_name_cannot_be_resolved_here(monkeypatch, proxy):
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(NoAnswer, match="could not be resolved"):
        get("https://partner.example/")

    assert proxy.asked == []


def test_send_goes_past_no_proxy_that_is_away(settings, receiver):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings.EGRESS_PROXIES = {"": Proxy(host="127.0.0.1", port=port)}

    with pytest.raises(NoAnswer) as raised:
        get(f"{receiver.url}/s2s")

    assert raised.value.can_retry
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 Forbidden\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"x" * 20_000,
    ],
)
def test_send_takes_nothing_but_a_200_of_a_proxy_for_a_connection(settings, receiver, answer):
    with ConnectProxy(answer=answer) as proxy:
        settings.EGRESS_PROXIES = through(proxy)

        with pytest.raises(NoAnswer, match="The proxy did not connect us") as raised:
            get(f"{receiver.url}/s2s")

    assert raised.value.can_retry
    assert receiver.connections == 0


def test_send_waits_for_no_proxy_for_ever(settings, monkeypatch):
    monkeypatch.setattr(egress, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EGRESS_PROXIES = {"": Proxy(host="127.0.0.1", port=silent.getsockname()[1])}
        started = time.monotonic()

        with pytest.raises(NoAnswer, match="in time"):
            get("http://127.0.0.1:9/")

    assert time.monotonic() - started < 4


@pytest.mark.parametrize(("given", "is_let_in"), [("user:se:cret", True), ("user:wrong", False), ("", False)])
def test_send_shows_its_credentials_to_the_proxy_alone(settings, receiver, given, is_let_in):
    with ConnectProxy(credentials="user:se:cret") as proxy:
        settings.EGRESS_PROXIES = through(proxy, credentials=given)
        if is_let_in:
            assert get(f"{receiver.url}/s2s").status == 200
            assert "proxy-authorization" not in receiver.requests()[0].headers
        else:
            with pytest.raises(NoAnswer, match="407") as raised:
                get(f"{receiver.url}/s2s")
            assert "wrong" not in str(raised.value)


def test_a_proxy_shows_no_password():
    assert "secret" not in repr(Proxy.parse("http://user:secret@proxy.internal:3128"))


# Encryption.


@pytest.fixture
def tls_server(tmp_path: Path, monkeypatch) -> Iterator[int]:
    """Serve HTTPS for the name localhost under a certificate that the client trusts; yield its port."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    monkeypatch.setattr(certifi, "where", lambda: str(pem))
    egress._pools.cache_clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hello)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    egress._pools.cache_clear()


class _Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it)
        """Say nothing."""


def test_encryption_ends_at_the_target_under_its_own_name(proxy, tls_server):
    assert get(f"https://localhost:{tls_server}/secret-path").body == b"hello"

    assert proxy.asked == [f"CONNECT 127.0.0.1:{tls_server}"]
    assert b"secret-path" not in b"".join(proxy.heads)


def test_a_certificate_of_another_name_is_not_accepted_behind_a_proxy(proxy, tls_server):
    with pytest.raises(NoAnswer, match="certificate"):
        get(f"https://{ipaddress.ip_address('127.0.0.1')}:{tls_server}/")


# By destination.


@pytest.mark.django_db(transaction=True)
def test_each_kind_of_destination_takes_its_own_proxy(settings, proxy, receiver):
    settings.META_BASE_URL = receiver.meta_url
    settings.EGRESS_PROXIES = through(proxy, "meta")
    conversion = make_first_deposit()
    for destination in (make_meta(), make_generic(f"{receiver.url}/s2s?t={{transaction_id}}")):
        Postback.objects.create(
            destination=destination,
            conversion=conversion,
            event="first_deposit",
            fact="first_deposit:1",
            dedup_id="1",
            next_attempt_at=NOON,
            created_at=NOON,
        )

    deliver_all(NOON)

    assert set(Postback.objects.values_list("state", flat=True)) <= {"done", "dead"}
    assert len(receiver.requests("/meta")) == len(receiver.requests("/s2s")) == 1
    assert len(proxy.asked) == 1


# The setting.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("http://proxy.internal:3128", {"": Proxy(host="proxy.internal", port=3128)}),
        ("http://proxy.internal", {"": Proxy(host="proxy.internal", port=3128)}),
        ("http://u:p%40ss@10.0.0.1:8080", {"": Proxy(host="10.0.0.1", port=8080, user="u", password="p@ss")}),
        (
            "http://one:1, meta=http://two:2",
            {"": Proxy(host="one", port=1), "meta": Proxy(host="two", port=2)},
        ),
    ],
)
def test_parse_proxies_reads_one_for_all_and_one_for_each_route(text, expected):
    assert parse_proxies(text) == expected


@pytest.mark.parametrize("text", ["proxy:3128", "https://proxy:3128", "socks5://proxy", "http://proxy/path", "meta="])
def test_parse_proxies_refuses_what_is_no_proxy(text):
    with pytest.raises(ValueError, match="expected a proxy as http://"):
        parse_proxies(text)
