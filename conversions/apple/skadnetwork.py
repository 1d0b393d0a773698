"""SKAdNetwork 2.1 to 4.0: what a postback says, and the order of values under its signature.

developer.apple.com/documentation/storekit: “Verifying an install-validation postback” and “Combining parameters for
previous SKAdNetwork postback versions”.
"""

import re
from typing import Any

from conversions.apple import fields
from conversions.apple.reported import MalformedPostback, ReportedPostback, UnverifiedPostback
from conversions.apple.signatures import verify_joined
from conversions.models import AppPostback

_SEPARATOR = "\N{INVISIBLE SEPARATOR}"
# Signed on the curve P-192, which no maintained library verifies any more; 1.0 named no version.
_UNVERIFIABLE = ("1.0", "2.0")
_VERSIONS = ("2.1", "2.2", "3.0", "4.0")
# A last label that begins with a letter: a site can't be taken for an app's number, which stands in the same place
# of the signed message.
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", re.ASCII | re.IGNORECASE)


def read_skadnetwork(body: dict[str, Any]) -> ReportedPostback:
    """Return the postback that `body` holds, its signature verified; unknown keys are dropped.

    Raises `MalformedPostback` or `UnverifiedPostback`.
    """
    postback = _parse(body, _version(body))
    verify_joined(signed_message(postback), postback.signature, field="attribution-signature")
    return postback


def signed_message(postback: ReportedPostback) -> str:
    """Return the text that Apple signs: all but conversion values and country, in one order for all versions."""
    values = [
        postback.version,
        postback.ad_network_id,
        postback.source_identifier or str(postback.campaign_number),
        str(postback.app_id),
        postback.postback_id,
        _truth(postback.conversion_type == AppPostback.ConversionType.REDOWNLOAD),
    ]
    if postback.source_app_id is not None:
        values.append(str(postback.source_app_id))
    if postback.source_domain:
        values.append(postback.source_domain)
    if postback.fidelity is not None:
        values.append(str(postback.fidelity))
    if postback.did_win is not None:
        values.append(_truth(postback.did_win))
    if postback.window is not None:
        values.append(str(postback.window))
    return _SEPARATOR.join(values)


def _parse(body: dict[str, Any], version: str) -> ReportedPostback:
    has_windows = version == "4.0"
    types = AppPostback.ConversionType
    source_app_id = fields.optional_source_app_id(body, "source-app-id")
    source_domain = _domain(body) if has_windows else ""
    if source_app_id is not None and source_domain:
        raise MalformedPostback("two_sources", "An ad is shown in an app or on a site, not both.", "source-domain")
    return ReportedPostback(
        framework=AppPostback.Framework.SKADNETWORK,
        version=version,
        postback_id=fields.text(body, "transaction-id"),
        ad_network_id=fields.text(body, "ad-network-id"),
        source_identifier=fields.source_identifier(body, "source-identifier") if has_windows else "",
        campaign_number=None if has_windows else fields.number(body, "campaign-id", least=1, greatest=100),
        app_id=fields.app_id(body, "app-id"),
        conversion_type=types.REDOWNLOAD if fields.flag(body, "redownload") else types.DOWNLOAD,
        source_app_id=source_app_id,
        source_domain=source_domain,
        fidelity=None if version == "2.1" else fields.number(body, "fidelity-type", least=0, greatest=1),
        did_win=None if version in ("2.1", "2.2") else fields.flag(body, "did-win"),
        window=fields.number(body, "postback-sequence-index", least=0, greatest=2) if has_windows else None,
        conversion_value=fields.fine_value(body),
        coarse_value=fields.coarse_value(body) if has_windows else "",
        country=fields.country(body, "country-code"),
        is_test=source_app_id == 0,
        signature=fields.text(body, "attribution-signature", longest=200),
    )


def _version(body: dict[str, Any]) -> str:
    version = fields.optional_text(body, "version") or "1.0"
    if version in _UNVERIFIABLE:
        raise UnverifiedPostback(
            "unverifiable_version", f"Version {version} is signed on a curve that nobody verifies any more.", "version"
        )
    if version not in _VERSIONS:
        raise MalformedPostback("unknown_version", f"version must be one of {', '.join(_VERSIONS)}.", "version")
    return version


def _domain(body: dict[str, Any]) -> str:
    domain = fields.optional_text(body, "source-domain", longest=253)
    if domain and not _DOMAIN.fullmatch(domain):
        raise MalformedPostback(
            "bad_domain", "source-domain must be a host's name, as in example.com.", "source-domain"
        )
    return domain


def _truth(value: bool) -> str:
    return "true" if value else "false"
