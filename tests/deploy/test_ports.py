"""Ports that are free or taken, and what the user reads about them."""

import socket

import pytest

from deploy.environment import read_checkout
from deploy.lifecycle import Tracker
from deploy.ports import FREE_PORTS, PortTaken, choose_free_port, is_port_kept, is_port_taken


def test_is_port_taken_sees_a_server_on_all_addresses():
    with socket.create_server(("0.0.0.0", 0)) as other:  # noqa: S104 (the case under test)
        assert is_port_taken(other.getsockname()[1])


def test_is_port_taken_sees_a_server_on_both_families():
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as other:
        assert is_port_taken(other.getsockname()[1])


def test_is_port_kept_waits_for_a_port_that_is_given_up():
    other = socket.create_server(("127.0.0.1", 0))
    port = other.getsockname()[1]
    kept_before = is_port_kept(port, patience_seconds=0.1)

    other.close()

    assert kept_before
    assert not is_port_kept(port)


def test_choose_free_port_stays_below_the_ports_of_outgoing_connections():
    assert choose_free_port() in FREE_PORTS
    assert FREE_PORTS.stop <= 32_768


@pytest.mark.parametrize("variable", ["WEB_PORT", "EDGE_PORT"])
def test_restart_names_the_variable_of_a_taken_port(tmp_path, variable):
    (tmp_path / "Procfile").write_text("web: true\n")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        free = {"WEB_PORT": str(choose_free_port()), "EDGE_PORT": str(choose_free_port())}
        tracker = Tracker(read_checkout(tmp_path, environment=free | {variable: str(port)}))

        with pytest.raises(PortTaken) as raised:
            tracker.restart()

    assert str(raised.value) == (f"Port {port} is taken by another program: stop it or set {variable} to a free one.")
