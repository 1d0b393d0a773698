"""The web process answers nothing on hosts that serve clicks only."""

from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from tests.campaigns.builders import make_domain
from tracker_project.common import click_hosts
from tracker_project.common.click_hosts import ClickHosts

pytestmark = pytest.mark.django_db


def answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse("admin")


def status(middleware: ClickHosts, host: str) -> int:
    return middleware(RequestFactory().get("/admin/", headers={"host": host})).status_code


@pytest.mark.parametrize("host", ["go.example", "GO.example", "go.example:8443", "go.example."])
def test_a_click_host_answers_404_however_it_is_written(host: str) -> None:
    make_domain(host="go.example")

    assert status(ClickHosts(answer), host) == 404


@pytest.mark.parametrize("host", ["tracker.example", "sub.go.example", "", "[::1]:8000"])
def test_other_hosts_are_answered(host: str) -> None:
    make_domain(host="go.example")

    assert status(ClickHosts(answer), host) == 200


def test_a_click_host_that_is_switched_off_is_answered() -> None:
    make_domain(host="go.example", is_active=False)

    assert status(ClickHosts(answer), "go.example") == 200


@pytest.mark.parametrize("path", ["/", "/admin/", "/admin/login/", "/webhooks/x/deposit", "/static/tracker/admin.css"])
def test_nothing_of_the_web_process_is_served_on_a_click_host(path: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    make_domain(host="go.example")

    response = Client().get(path, headers={"host": "go.example"})

    assert (response.status_code, response.content) == (404, b"There is nothing here.\n")


def test_hosts_are_read_again_after_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click_hosts, "READ_EVERY_SECONDS", 2.0)
    clock = [100.0]
    monkeypatch.setattr("tracker_project.common.click_hosts.monotonic", lambda: clock[0])
    middleware = ClickHosts(answer)
    assert status(middleware, "go.example") == 200
    make_domain(host="go.example")

    clock[0] = 101.9
    assert status(middleware, "go.example") == 200
    clock[0] = 102.0
    assert status(middleware, "go.example") == 404


def test_hosts_are_not_asked_for_by_each_request(django_assert_num_queries: Any) -> None:
    middleware = ClickHosts(answer)

    with django_assert_num_queries(1):
        status(middleware, "a.example")
        status(middleware, "b.example")


def test_the_last_hosts_hold_while_the_database_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click_hosts, "READ_EVERY_SECONDS", 0.0)
    make_domain(host="go.example")
    middleware = ClickHosts(answer)
    status(middleware, "x.example")

    def fail() -> frozenset[str]:
        raise OperationalError("the server is gone")

    monkeypatch.setattr(middleware, "_read", fail)

    assert status(middleware, "go.example") == 404
    assert status(middleware, "tracker.example") == 200
