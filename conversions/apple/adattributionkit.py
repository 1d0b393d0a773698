"""AdAttributionKit: what a postback says, inside its JSON Web Signature and beside it.

developer.apple.com/documentation/adattributionkit: “Identifying the parameters in a postback”.
"""

from typing import Any

from conversions.apple import fields
from conversions.apple.reported import ReportedPostback
from conversions.apple.signatures import verify_jws
from conversions.models import AppPostback

_LONGEST_JWS = 8192


def read_adattributionkit(body: dict[str, Any], *, allow_development: bool) -> ReportedPostback:
    """Return the postback that `body` holds, its signature verified; unknown keys are dropped.

    Values, interaction and country stand beside the signature, not under it. Raises `MalformedPostback` or
    `UnverifiedPostback`.
    """
    compact = fields.text(body, "jws-string", longest=_LONGEST_JWS)
    verified = verify_jws(compact, allow_development=allow_development, field="jws-string")
    claims = verified.claims
    source_app_id = fields.optional_source_app_id(claims, "publisher-item-identifier")
    return ReportedPostback(
        framework=AppPostback.Framework.ADATTRIBUTIONKIT,
        postback_id=fields.text(claims, "postback-identifier"),
        ad_network_id=fields.text(claims, "ad-network-identifier"),
        source_identifier=fields.source_identifier(claims, "source-identifier"),
        app_id=fields.app_id(claims, "advertised-item-identifier"),
        conversion_type=fields.choice(claims, "conversion-type", AppPostback.ConversionType.values),
        source_app_id=source_app_id,
        marketplace=fields.optional_text(claims, "marketplace-identifier", longest=200),
        interaction=fields.choice(body, "ad-interaction-type", AppPostback.Interaction.values),
        did_win=fields.flag(claims, "did-win"),
        window=fields.number(claims, "postback-sequence-index", least=0, greatest=2),
        conversion_value=fields.fine_value(body),
        coarse_value=fields.coarse_value(body),
        country=fields.country(body, "country-code"),
        is_test=verified.is_development or source_app_id == 0,
        signature=compact,
    )
