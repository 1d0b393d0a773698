"""Keeps the web process off the hosts that serve clicks only."""

from collections.abc import Callable
from time import monotonic

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils.module_loading import import_string

log = structlog.get_logger(__name__)

# How long a process goes by the hosts that it last read.
READ_EVERY_SECONDS = 2.0


class ClickHosts:
    """Answer 404 to whatever comes for a click host; `settings.CLICK_HOSTS` names the function that returns them.

    While the database does not answer, the hosts last read hold.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._read: Callable[[], frozenset[str]] = import_string(settings.CLICK_HOSTS)
        self._hosts: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _host_of(request) in self._current():
            return HttpResponseNotFound("There is nothing here.\n", content_type="text/plain; charset=utf-8")
        return self.get_response(request)

    def _current(self) -> frozenset[str]:
        now = monotonic()
        if now - self._read_at >= READ_EVERY_SECONDS:
            # Set first: of several threads one asks, and a database that is down is not asked by each request.
            self._read_at = now
            try:
                self._hosts = self._read()
            except DatabaseError as error:
                log.warning("the click hosts cannot be read, the last ones hold", error=str(error).strip())
        return self._hosts


def _host_of(request: HttpRequest) -> str:
    """Return the host as the client wrote it, in small letters, without port and final point."""
    host = str(request.META.get("HTTP_HOST", "")).strip().lower()
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() else host).rstrip(".")
