"""The API as it is described: whatever its description allows or forbids, no request ends in a 5xx."""

import hashlib
import io
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from conversions.domain.endpoint_keys import hash_key
from conversions.models import ApiKey, Endpoint, Platform
from conversions.signatures import sign
from tests.conversions.builders import make_endpoint
from tests.world import SECRET, make_platform
from tracker_project.wsgi import application

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
KEY = "key-of-the-tests"
_EXAMPLES = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def platform(db: None) -> Platform:
    return make_platform(slug="gaming")


@pytest.fixture
def endpoint(platform: Platform) -> Endpoint:
    return make_endpoint("generic", key=KEY, platform=platform, slug="network", default_status="confirmed")


@pytest.fixture
def api_key(platform: Platform) -> ApiKey:
    return ApiKey.objects.create(name="Program", platform=platform, key_hash=hash_key(KEY))


@pytest.fixture
def api(db: None) -> Any:
    return schemathesis.openapi.from_wsgi("/api/schema/?format=json", signed(application))


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


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@_EXAMPLES
def test_no_request_of_a_known_sender_ends_in_a_server_error(
    case: Any, platform: Platform, endpoint: Endpoint, api_key: ApiKey
) -> None:
    ours = {"platform": platform.slug, "name": endpoint.slug, "key": KEY}
    case.path_parameters |= {name: ours[name] for name in case.path_parameters if name in ours}

    case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"}, checks=[not_a_server_error])


@schema.parametrize()
@_EXAMPLES
def test_no_request_of_a_stranger_ends_in_a_server_error(case: Any, platform: Platform) -> None:
    case.call_and_validate(checks=[not_a_server_error])
