"""Whether a platform has allowed what a campaign advertises."""

from datetime import date
from typing import Any

import pytest

from campaigns.domain.concerns import Level, Span
from campaigns.domain.permissions import Account, Advertised, Permission, permission_concerns

TODAY = date(2026, 11, 22)
SLOTS = Advertised(offer_id=1, name="Slots", countries=("MT",), hosts=("casino.example",))


def allowed(country: str = "MT", *, since: str = "2026-01-01", until: str = "", **names: Any) -> Permission:
    span = Span(since=date.fromisoformat(since), until=date.fromisoformat(until) if until else None)
    return Permission(country=country, span=span, **names)


def texts(*permissions: Permission, offer: Advertised = SLOTS, platform: str = "meta") -> list[str]:
    account = Account(name="EU", platform="meta", permissions=permissions)
    found = permission_concerns(platform=platform, account=account, advertised=[offer], on=TODAY)
    return [concern.text for concern in found]


@pytest.mark.parametrize("platform", ["meta", "google", "tiktok"])
def test_platform_that_asks_wants_an_account(platform: str) -> None:
    found = permission_concerns(platform=platform, account=None, advertised=[SLOTS], on=TODAY)

    assert [(concern.level, concern.label) for concern in found] == [(Level.MISSING, "No account")]


def test_other_platforms_ask_for_nothing() -> None:
    assert permission_concerns(platform="other", account=None, advertised=[SLOTS], on=TODAY) == []


def test_account_of_another_platform_is_the_wrong_one() -> None:
    assert texts(platform="google") == ["The account “EU” is not one of Google, where the campaign's source is."]


def test_permission_for_the_country_is_enough() -> None:
    assert texts(allowed()) == []


def test_no_permission_at_all_is_said() -> None:
    assert texts() == ["Meta has not allowed “Slots” in MT: the account “EU” has none."]


def test_permission_for_other_countries_is_said() -> None:
    assert texts(allowed("FI"), allowed("DE")) == ["Meta has not allowed “Slots” in MT: it has allowed DE, FI only."]


def test_permission_of_each_licensed_country_is_asked_for() -> None:
    offer = Advertised(offer_id=1, name="Slots", countries=("DE", "MT"), hosts=("casino.example",))

    assert texts(allowed("MT"), offer=offer) == ["Meta has not allowed “Slots” in DE: it has allowed MT only."]


def test_permission_that_ends_soon_is_said() -> None:
    assert texts(allowed(until="2026-12-04")) == ["Meta's permission for “Slots” in MT ends in 12 days (2026-12-04)."]
    assert texts(allowed(until="2026-11-22")) == ["Meta's permission for “Slots” in MT ends today (2026-11-22)."]
    assert texts(allowed(until="2026-12-23")) == []


def test_permission_that_ended_is_said() -> None:
    assert texts(allowed(until="2026-11-21")) == ["Meta's permission for “Slots” in MT ended on 2026-11-21."]


def test_permission_to_come_is_said() -> None:
    assert texts(allowed(since="2026-12-01")) == ["Meta's permission for “Slots” in MT begins on 2026-12-01."]


def test_permission_that_names_a_domain_takes_its_subdomains_along() -> None:
    below = Advertised(offer_id=1, name="Slots", countries=("MT",), hosts=("lp.casino.example",))
    beside = Advertised(offer_id=1, name="Slots", countries=("MT",), hosts=("notcasino.example",))

    assert texts(allowed(domain="casino.example"), offer=below) == []
    assert texts(allowed(domain="casino.example"), offer=beside) == [
        "Meta has not allowed “Slots” in MT: what it has allowed there is for casino.example."
    ]


def test_permission_that_names_an_offer_holds_for_no_other() -> None:
    assert texts(allowed(offer_id=1)) == []
    assert texts(allowed(offer_id=2)) == [
        "Meta has not allowed “Slots” in MT: what it has allowed there is for another offer."
    ]


def test_offer_that_names_no_country_needs_any_permission() -> None:
    anywhere = Advertised(offer_id=1, name="Slots", hosts=("casino.example",))

    assert texts(allowed("FI"), offer=anywhere) == []
    assert texts(offer=anywhere) == ["Meta has not allowed “Slots” in any country: the account “EU” has none."]
