"""Adjust's raw data from the bucket that it uploads to: an hourly file an app, of which refused installs are read.

Adjust has no interface that names a refused device: its Report Service counts refusals and no more. Raw data comes by
callbacks, and by these uploads (`<app token>_2006-01-02T150405_<hash>.csv.gz`), which fill what callbacks missed.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from urllib.parse import quote, urlencode

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from django.conf import settings
from django.utils import timezone

from conversions.models import ReportPull
from conversions.pulls.signing import signed_headers
from conversions.pulls.source import NotFetched, Piece, fetch_body
from tracker_project.common.egress import OutgoingRequest

# A file may be uploaded late; those that were read are known by their names.
OVERLAP = timedelta(days=2)
_MOST_LISTED = 1000
_MOST_PAGES = 20
_REFUSED = {
    HTTPStatus.FORBIDDEN: "The bucket does not accept the key (403): it must be allowed to list and to read.",
    HTTPStatus.NOT_FOUND: "There is no such bucket, or not in this region (404).",
    HTTPStatus.MOVED_PERMANENTLY: "The bucket is in another region (301).",
}


def pieces(pull: ReportPull, *, at: datetime) -> list[Piece]:
    """Return the files that a round begun at `at` fetches: those not read before; the bucket is asked which there are.

    Raises `NotFetched`.
    """
    since = max(pull.starts_on, (pull.pulled_until or pull.starts_on) - OVERLAP)
    known = set(pull.position.get("known", []))
    names = [name for name in _listed(pull, since=f"{since:%Y-%m-%d}") if name.endswith((".csv.gz", ".csv"))]
    return [Piece(name=name, fetch=partial(_fetch, pull, name)) for name in names if name not in known]


def known_after(pull: ReportPull, names: list[str], *, at: datetime) -> list[str]:
    """Return the names of read files that the next rounds may see again."""
    oldest = f"{at - OVERLAP - timedelta(days=1):%Y-%m-%d}"
    stem = f"{pull.prefix}{pull.app_id}_"
    return [name for name in (*pull.position.get("known", []), *names) if name.removeprefix(stem)[:10] >= oldest]


def _listed(pull: ReportPull, *, since: str) -> list[str]:
    stem = f"{pull.prefix}{pull.app_id}_"
    asked: dict[str, str | int] = {
        "list-type": 2,
        "max-keys": _MOST_LISTED,
        "prefix": stem,
        "start-after": stem + since,
    }
    names: list[str] = []
    for _page in range(_MOST_PAGES):
        listing = _xml(_get(pull, f"/{pull.bucket}?{urlencode(sorted(asked.items()), quote_via=quote)}"))
        names += listing["Key"]
        if listing["IsTruncated"] != ["true"]:
            break
        asked["continuation-token"] = listing["NextContinuationToken"][0]
    return names


def _fetch(pull: ReportPull, name: str) -> bytes:
    return _get(pull, f"/{pull.bucket}/{quote(name, safe='/-_.~')}")


def _get(pull: ReportPull, path: str) -> bytes:
    url = settings.ADJUST_BUCKETS_URL.replace("{region}", pull.region) + path
    at = timezone.now().astimezone(UTC)
    headers = signed_headers(url, region=pull.region, access_key=pull.access_key, secret=pull.token, at=at)
    answer, body = fetch_body(OutgoingRequest(method="GET", url=url, headers=headers))
    if answer.status != HTTPStatus.OK:
        known = _REFUSED.get(HTTPStatus(answer.status)) if answer.status in HTTPStatus._value2member_map_ else None
        raise NotFetched(known or f"The bucket answered {answer.status}.")
    return body


def _xml(content: bytes) -> dict[str, list[str]]:
    """Return the texts of the elements of a listing that are read here, by name."""
    texts: dict[str, list[str]] = {"Key": [], "IsTruncated": [], "NextContinuationToken": []}
    try:
        root = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise NotFetched("The bucket's listing cannot be read: is this an S3 bucket's address?") from error
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        if name in texts:
            texts[name].append(element.text or "")
    return texts
