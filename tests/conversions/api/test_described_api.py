"""The API as it is described: whatever its description allows or forbids, no request ends in a 5xx."""

import hashlib
import io
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from conversions.domain.endpoint_keys import hash_key
from conversions.models import ApiKey, Endpoint, Platform
from conversions.signatures import sign
from tests.conversions.builders import make_endpoint
from tests.world import SECRET, make_platform
from tracker_project.wsgi import application

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
KEY = "key-of-the-tests"


@pytest.fixture
def platform(db: None) -> Platform:
    return make_platform(slug="gaming")


@pytest.fixture
def endpoint(platform: Platform) -> Endpoint:
    return make_endpoint("generic", key=KEY, platform=platform, slug="network", default_status="confirmed")


@pytest.fixture
def api_key(platform: Platform) -> ApiKey:
    return ApiKey.objects.create(name="Program", platform=platform, key_hash=hash_key(KEY))


@pytest.fixture(autouse=True)
def _requests_leave_the_tests_connection_open() -> Iterator[None]:
    for moment in (request_started, request_finished):
        moment.disconnect(close_old_connections)
    yield
    for moment in (request_started, request_finished):
        moment.connect(close_old_connections)


def signed(app: Wsgi) -> Wsgi:
    """Return the application behind a casino that signs whatever is sent to a webhook."""

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/webhooks/"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            message, sent_at = f"msg-{hashlib.sha256(body).hexdigest()[:20]}", int(time.time())
            environ["HTTP_WEBHOOK_ID"] = message
            environ["HTTP_WEBHOOK_TIMESTAMP"] = str(sent_at)
            environ["HTTP_WEBHOOK_SIGNATURE"] = sign(SECRET, message, sent_at, body)
        return app(environ, start_response)

    return serve


_NOTHING_WRONG = ("GET /postback/{name}/{key}", GenerationMode.NEGATIVE)
SCHEMA = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))
SCHEMA.app = signed(application)
OPERATIONS = {
    f"{operation.method.upper()} {operation.path}": operation
    for operation in (found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok))
}
# A postback by GET has nothing that could be wrong but the path, and that is given.
ASKED = [(name, mode) for name in sorted(OPERATIONS) for mode in GenerationMode if (name, mode) != _NOTHING_WRONG]


@pytest.mark.parametrize(("operation", "mode"), ASKED)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_of_a_known_sender_ends_in_a_server_error(
    operation: str, mode: GenerationMode, data: st.DataObject, platform: Platform, endpoint: Endpoint, api_key: ApiKey
) -> None:
    ours = {"platform": platform.slug, "name": endpoint.slug, "key": KEY}
    given_path = {name: value for name, value in ours.items() if f"{{{name}}}" in operation}
    asked = OPERATIONS[operation].as_strategy(mode, path_parameters=given_path)

    response = data.draw(asked).call(headers={"Authorization": f"Bearer {KEY}"})

    assert response.status_code < 500


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_of_a_stranger_ends_in_a_server_error(
    operation: str, data: st.DataObject, platform: Platform
) -> None:
    response = data.draw(OPERATIONS[operation].as_strategy()).call()

    assert response.status_code < 500


def test_the_description_names_every_address() -> None:
    assert sorted(OPERATIONS) == [
        "GET /conversions/",
        "GET /postback/{name}/{key}",
        "POST /.well-known/appattribution/report-attribution/",
        "POST /.well-known/skadnetwork/report-attribution/",
        "POST /conversions/track",
        "POST /postback/{name}/{key}",
        "POST /webhooks/{platform}/deposit",
        "POST /webhooks/{platform}/events",
        "POST /webhooks/{platform}/registration",
        "POST /webhooks/{platform}/totals",
    ]
