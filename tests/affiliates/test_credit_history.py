"""What staff changed about a partner's players stands in both partners' history, and the money follows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client

from affiliates.domain.booking import book_due_commissions
from affiliates.domain.credit_history import partner_history
from affiliates.domain.queries import owed_to
from conversions.domain.interventions import retag_player
from conversions.models import Player
from fraud.domain.reviewing import review_pending_conversions
from tests.affiliates.builders import make_partner_account
from tests.conversions.builders import LATER, deposit, register
from tests.world import make_campaign, make_click, make_link, make_partner, make_platform

pytestmark = pytest.mark.django_db


def review_and_book() -> None:
    review_pending_conversions(at=LATER, limit=10)
    book_due_commissions(at=LATER, limit=10)


def test_retag_moves_the_commission_and_stands_in_both_histories():
    loser = make_partner_account(partner=make_partner(name="Lotus Media"))
    gainer = make_partner_account(partner=make_partner(name="Harbour Media"))
    outsider = make_partner_account(partner=make_partner(name="Coral Media"))
    platform, alice = make_platform(), User.objects.create_superuser("alice")
    register(
        platform, click_id=make_click(make_link(campaign=make_campaign(name="Malta"), partner=loser.partner)).click_id
    )
    deposit(platform)
    review_and_book()
    assert owed_to(loser, currency="EUR") == Decimal(120)

    retag_player(Player.objects.get(), partner=gainer.partner, reason="By contract", actor=alice, at=LATER)
    review_and_book()

    assert [owed_to(account, currency="EUR") for account in (loser, gainer)] == [Decimal(0), Decimal(120)]
    at = LATER + timedelta(days=1)
    assert [change.title for change in partner_history(loser.partner, at=at).changes] == [
        "Taken from him by staff, to partner Harbour Media:"
    ]
    gained = partner_history(gainer.partner, at=at)
    assert [(change.title, change.player, change.actor, change.reason) for change in gained.changes] == [
        ("Given to him by staff, from Malta (partner Lotus Media):", "p-1", "alice", "By contract")
    ]
    assert partner_history(outsider.partner, at=at).changes == []
    client = Client()
    client.force_login(alice)
    pages = [
        client.get(f"/admin/affiliates/partneraccount/{account.pk}/change/").content.decode()
        for account in (loser, gainer, outsider)
    ]
    assert ["By contract" in page for page in pages] == [True, True, False]
    partner_page = client.get(f"/admin/campaigns/partner/{loser.partner.pk}/change/").content.decode()
    assert f"/admin/conversions/creditintervention/?partner={loser.partner.pk}" in partner_page


def test_history_names_the_campaign_that_a_player_went_to_without_a_partner():
    partner, platform, alice = make_partner(), make_platform(), User.objects.create_superuser("alice")
    register(platform, click_id=make_click(make_link(partner=partner)).click_id)

    link = make_link(campaign=make_campaign(name="Baltic"))
    retag_player(Player.objects.get(), link=link, reason="Ours", actor=alice, at=LATER)

    (change,) = partner_history(partner, at=LATER).changes
    assert change.title == "Taken from him by staff, to Baltic (no partner):"
