"""Apple's postbacks over HTTP: the well-known paths, the answers, and whatever a stranger may send."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversions.models import AppPostback, AppPostbackConflict
from tests.conversions.api.posting import error_of
from tests.conversions.apple.signing import CLAIMS, adattributionkit, signed_jws
from tests.conversions.apple.vectors import (
    DEVELOPMENT,
    NON_WINNER_3_0,
    UNVERIFIABLE_JWS,
    VERSION_2_1,
    WEB_HIGH_TIER,
    WEB_LOW_TIER,
)

pytestmark = pytest.mark.django_db

SKADNETWORK = "/.well-known/skadnetwork/report-attribution/"
ADATTRIBUTIONKIT = "/.well-known/appattribution/report-attribution/"


def post(path: str, body: Any, content_type: str = "application/json") -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(path, raw, content_type=content_type)


@pytest.mark.parametrize("path", [SKADNETWORK, SKADNETWORK.rstrip("/")])
def test_post_records_a_skadnetwork_postback_and_answers_200(path: str) -> None:
    response = post(path, WEB_HIGH_TIER)

    assert (response.status_code, response.json()) == (200, {"status": "recorded"})
    assert AppPostback.objects.get().conversion_value == 63


@pytest.mark.usefixtures("our_apple")
@pytest.mark.parametrize("path", [ADATTRIBUTIONKIT, ADATTRIBUTIONKIT.rstrip("/")])
def test_post_records_an_adattributionkit_postback_and_answers_200(path: str) -> None:
    response = post(path, adattributionkit(conversion_value=7))

    assert (response.status_code, response.json()) == (200, {"status": "recorded"})
    assert AppPostback.objects.get().interaction == "click"


def test_post_answers_a_repeat_as_the_first_time() -> None:
    first, again = post(SKADNETWORK, WEB_LOW_TIER), post(SKADNETWORK, WEB_LOW_TIER)

    assert (again.status_code, again.json()) == (first.status_code, first.json()) == (200, {"status": "recorded"})
    assert AppPostback.objects.count() == 1


def test_post_answers_another_value_under_the_same_id_with_409_and_keeps_both() -> None:
    post(SKADNETWORK, WEB_HIGH_TIER)

    response = post(SKADNETWORK, WEB_HIGH_TIER | {"conversion-value": 1})

    assert error_of(response) == (409, "postback_conflict", "conversion_value")
    assert AppPostback.objects.get().conversion_value == 63
    assert AppPostbackConflict.objects.get().reported == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        (SKADNETWORK, WEB_HIGH_TIER | {"did-win": False}, 401, "bad_signature", "attribution-signature"),
        (SKADNETWORK, NON_WINNER_3_0 | {"did-win": True}, 401, "bad_signature", "attribution-signature"),
        (SKADNETWORK, VERSION_2_1 | {"version": "2.0"}, 401, "unverifiable_version", "version"),
        (SKADNETWORK, {"ad-network-id": "com.example"}, 401, "unverifiable_version", "version"),
        (SKADNETWORK, WEB_HIGH_TIER | {"version": "9.0"}, 400, "unknown_version", "version"),
        (SKADNETWORK, WEB_HIGH_TIER | {"app-id": "5"}, 400, "wrong_type", "app-id"),
        (ADATTRIBUTIONKIT, DEVELOPMENT, 401, "development_key", "jws-string"),
        (ADATTRIBUTIONKIT, DEVELOPMENT | {"jws-string": UNVERIFIABLE_JWS}, 401, "bad_signature", "jws-string"),
        (ADATTRIBUTIONKIT, DEVELOPMENT | {"jws-string": "a.b"}, 400, "malformed_jws", "jws-string"),
        (ADATTRIBUTIONKIT, WEB_HIGH_TIER, 400, "missing", "jws-string"),
    ],
)
def test_post_says_why_it_refuses_and_stores_nothing(
    path: str, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    assert error_of(post(path, body)) == (status, code, field)
    assert AppPostback.objects.count() == 0


def test_post_takes_development_keys_as_tests_where_the_setting_allows_it(settings: Any) -> None:
    settings.APPLE_DEVELOPMENT_POSTBACKS = True

    response = post(ADATTRIBUTIONKIT, DEVELOPMENT)

    assert response.status_code == 200
    assert AppPostback.objects.get().is_test is True


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain", ""])
def test_post_trusts_the_signature_whatever_the_media_type(content_type: str) -> None:
    assert post(SKADNETWORK, WEB_HIGH_TIER, content_type).status_code == 200


BODIES: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("a list", b"[]"),
    ("half an object", b'{"version": "4.0"'),
    ("a key twice", json.dumps(WEB_HIGH_TIER).encode()[:-1] + b', "did-win": true}'),
    ("bad UTF-8", b'{"version": "\xff"}'),
    ("UTF-16", json.dumps(WEB_HIGH_TIER).encode("utf-16")),
    ("NaN", b'{"conversion-value": NaN}'),
    ("Infinity", b'{"app-id": Infinity}'),
    ("an integer of 5,000 digits", b'{"app-id": ' + b"9" * 5_000 + b"}"),
    ("33 levels", b'{"x": ' + b"[" * 32 + b"]" * 32 + b"}"),
    ("60,000 open brackets", b"[" * 60_000),
]


@pytest.mark.parametrize("path", [SKADNETWORK, ADATTRIBUTIONKIT])
@pytest.mark.parametrize("body", [body for _, body in BODIES], ids=[name for name, _ in BODIES])
def test_post_refuses_what_is_no_json_object(path: str, body: bytes) -> None:
    assert error_of(post(path, body)) == (400, "malformed_json", None)
    assert AppPostback.objects.count() == 0


def test_post_takes_64_kibibytes_and_no_more() -> None:
    body = json.dumps(WEB_HIGH_TIER).encode()

    assert post(SKADNETWORK, body.ljust(65_536)).status_code == 200
    assert error_of(post(SKADNETWORK, body.ljust(65_537))) == (413, "too_large", None)
    assert error_of(post(SKADNETWORK, b" " * 10_000_000)) == (413, "too_large", None)


@pytest.mark.parametrize("path", [SKADNETWORK, ADATTRIBUTIONKIT])
def test_get_is_answered_405(path: str) -> None:
    response = Client().get(path)

    assert error_of(response) == (405, "method_not_allowed", None)
    assert response.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize(
    "path", [f"{SKADNETWORK}more", f"{SKADNETWORK}%0A", "/.well-known/skadnetwork/", "/.well-known/"]
)
def test_paths_beside_apples_are_not_found(path: str) -> None:
    assert post(path, WEB_HIGH_TIER).status_code == 404


@pytest.fixture
def _no_database(transactional_db: None) -> Iterator[None]:
    """Send this thread's connections to a port where nobody listens."""
    connection.close()
    known = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = "1"
    yield
    connection.settings_dict["PORT"] = known
    connection.close()


@pytest.mark.usefixtures("_no_database")
def test_post_answers_503_while_postgres_is_away() -> None:
    response = post(SKADNETWORK, WEB_HIGH_TIER)

    assert error_of(response) == (503, "unavailable", None)
    assert response.headers["Retry-After"] == "5"


@pytest.mark.usefixtures("_no_database")
def test_post_refuses_forgeries_without_asking_postgres() -> None:
    assert error_of(post(SKADNETWORK, WEB_HIGH_TIER | {"did-win": False}))[0] == 401


# Whatever a stranger may write in a field: other types, huge and odd numbers, text that cannot be stored.
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62, max_value=2**70)
    | st.floats()
    | st.text()
    | st.sampled_from(["4.0", "3.0", "2.1", "high", "click", "\ud800", "\0", "52", "\u2063"])
)
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
_fuzzed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _changes(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=20), _json, max_size=4)


@_fuzzed
@given(change=_changes([*WEB_HIGH_TIER, "source-app-id", "coarse-conversion-value", "country-code"]), gone=st.data())
def test_post_never_answers_5xx_to_a_changed_skadnetwork_postback(change: dict[str, Any], gone: st.DataObject) -> None:
    body = WEB_HIGH_TIER | change
    for name in gone.draw(st.sets(st.sampled_from([*WEB_HIGH_TIER]), max_size=3)):
        del body[name]

    assert post(SKADNETWORK, body).status_code in (200, 400, 401, 409)


@pytest.mark.usefixtures("our_apple")
@_fuzzed
@given(
    claims=_changes([*CLAIMS]), beside=_changes(["ad-interaction-type", "conversion-value", "coarse-conversion-value"])
)
def test_post_never_answers_5xx_to_claims_that_are_signed(claims: dict[str, Any], beside: dict[str, Any]) -> None:
    body = {"jws-string": signed_jws(CLAIMS | claims), "ad-interaction-type": "view"} | beside

    assert post(ADATTRIBUTIONKIT, body).status_code in (200, 400, 409)


@_fuzzed
@given(header=_changes(["alg", "kid", "crit"]), body=_changes(["jws-string", "ad-interaction-type"]))
def test_post_never_answers_5xx_to_a_changed_header(header: dict[str, Any], body: dict[str, Any]) -> None:
    compact = signed_jws(CLAIMS, {"alg": "ES256", "kid": "apple-cas-identifier/0"} | header)

    assert post(ADATTRIBUTIONKIT, {"jws-string": compact} | body).status_code in (400, 401)


@_fuzzed
@given(body=st.binary(max_size=200) | _json.map(lambda value: json.dumps(value).encode()))
def test_post_never_answers_5xx_to_any_body(body: bytes) -> None:
    assert post(SKADNETWORK, body).status_code in (400, 401)
    assert post(ADATTRIBUTIONKIT, body).status_code in (400, 401)
