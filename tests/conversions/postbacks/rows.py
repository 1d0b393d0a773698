"""Builders of the rows that postbacks are about: players, their conversions, and who is to be told."""

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

from attribution.click_ids import new_uuid7
from conversions.domain.destination_limits import limit_destination
from conversions.models import Conversion, Destination, Player
from tests.conversions.postbacks.google_credentials import REFRESH_TOKEN
from tests.world import NOON, make_link, make_platform

CLICKED_AT = NOON - timedelta(days=1)
FBCLID = "IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk"
GCLID = "Cj0KCQiA6Ou5BhCrARIsAPoTxrC-_x.y~z"
TTCLID = "E.C.P.CtUBdGVzdC1jbGljay1pZA"
APPSFLYER_ID = "1795262400123-1234567890123456789"
_numbers = itertools.count(1)


def make_player(**columns: Any) -> Player:
    """Make a player from Malta who came by a click on Meta and consented."""
    link = columns.pop("link", None) or make_link()
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "player_id": f"player-{number}",
        "registered_at": NOON - timedelta(hours=2),
        "country": "MT",
        "consent_ad_user_data": True,
        "credit_outcome": "click",
        "click_uuid": new_uuid7(int(CLICKED_AT.timestamp() * 1000)),
        "clicked_at": CLICKED_AT,
        "click_facts": {"platform_click_ids": {"fbclid": FBCLID}, "external_id": FBCLID, "sub_ids": {"1": "sub one"}},
        "created_at": NOON,
        "link": link,
        "campaign": link.campaign,
        "creative": link.creative,
        "source": link.campaign.source,
        "offer": link.campaign.offer,
    }
    if "platform" not in columns:
        columns["platform"] = make_platform()
    return Player.objects.create(**defaults | columns)


def make_conversion(player: Player | None = None, **columns: Any) -> Conversion:
    """Make a confirmed, approved deposit of 120.10 EUR an hour before noon."""
    player = player or make_player()
    number = next(_numbers)
    is_deposit = columns.get("kind", "deposit") == "deposit"
    defaults: dict[str, Any] = {
        "platform": player.platform,
        "player": player,
        "kind": "deposit",
        "transaction_id": f"t-{number}" if is_deposit else None,
        "status": "confirmed",
        "amount": Decimal("120.10") if is_deposit else None,
        "currency": "EUR" if is_deposit else None,
        "occurred_at": NOON - timedelta(hours=1),
        "received_at": NOON - timedelta(hours=1),
        "first_event_id": f"event-{number}",
        "is_settled": is_deposit,
        "review_state": "approved",
        "credit_outcome": player.credit_outcome,
        "click_uuid": player.click_uuid,
        "clicked_at": player.clicked_at,
        "link": player.link,
        "campaign": player.campaign,
        "creative": player.creative,
        "partner": player.partner,
        "source": player.source,
        "offer": player.offer,
    }
    return Conversion.objects.create(**defaults | columns)


def make_first_deposit(player: Player | None = None, **columns: Any) -> Conversion:
    return make_conversion(player, is_first_deposit=True, **columns)


def make_registration(player: Player | None = None, **columns: Any) -> Conversion:
    return make_conversion(player, kind="registration", **columns)


def _make_destination(columns: dict[str, Any]) -> Destination:
    """Make a destination; `campaigns` and `partners` are those that it is limited to."""
    limits = {name: columns.pop(name, []) for name in ("campaigns", "partners")}
    destination = Destination.objects.create(**columns)
    limit_destination(destination, **limits)
    return destination


def make_generic(url_template: str = "https://tracker.example/s2s?tid={transaction_id}", **columns: Any) -> Destination:
    defaults = {"name": f"Generic {next(_numbers)}", "kind": "generic", "hash_key": "11" * 32}
    return _make_destination({"url_template": url_template} | defaults | columns)


def make_meta(**columns: Any) -> Destination:
    defaults = {
        "name": f"Meta {next(_numbers)}",
        "kind": "meta",
        "dataset_id": "1234567890",
        "access_token": "EAAB-token-of-the-dataset",
        "hash_key": "22" * 32,
    }
    return _make_destination(defaults | columns)


def make_google(**columns: Any) -> Destination:
    defaults = {
        "name": f"Google {next(_numbers)}",
        "kind": "google",
        "google_account_id": "1234567890",
        "conversion_action_id": "777",
        "google_credentials": REFRESH_TOKEN,
        "hash_key": "44" * 32,
    }
    return _make_destination(defaults | columns)


def make_google_ads(**columns: Any) -> Destination:
    defaults = {
        "name": f"Google Ads {next(_numbers)}",
        "kind": "google_ads",
        "google_account_id": "1234567890",
        "conversion_action_id": "777",
        "google_credentials": REFRESH_TOKEN,
        "access_token": "developer-token-on-the-list",
        "hash_key": "77" * 32,
    }
    return _make_destination(defaults | columns)


def make_tiktok(**columns: Any) -> Destination:
    defaults = {
        "name": f"TikTok {next(_numbers)}",
        "kind": "tiktok",
        "pixel_code": "C4A1B2C3D4",
        "access_token": "tiktok-token-of-the-pixel",
        "hash_key": "55" * 32,
    }
    return _make_destination(defaults | columns)


def make_appsflyer(**columns: Any) -> Destination:
    defaults = {
        "name": f"AppsFlyer {next(_numbers)}",
        "kind": "appsflyer",
        "app_id": "com.example.casino",
        "access_token": "appsflyer-key-of-the-app",
        "hash_key": "66" * 32,
    }
    return _make_destination(defaults | columns)


def clicked_with(**ids: str) -> dict[str, Any]:
    """Return the facts of a click that came with these of platforms' click ids."""
    return {"platform_click_ids": ids}
