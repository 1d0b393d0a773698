"""How far players come through an app and on the web, by the campaign that is credited."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from analytics.domain.funnel import AppSteps, CampaignFunnel, WebSteps, funnels
from conversions.domain.recrediting import settle_due_touches
from tests.conversions.builders import LATER, deposit, register
from tests.conversions.domain.test_crediting import install
from tests.world import NOON, make_campaign, make_click, make_link, make_platform

pytestmark = pytest.mark.django_db

DAY = NOON.date()


def test_funnels_follow_a_device_by_its_click_and_by_its_token():
    platform = make_platform()
    link = make_link(campaign=make_campaign(name="App"))
    by_click, by_token, lost = (make_click(link, at=NOON - timedelta(minutes=minutes)) for minutes in (1, 2, 3))
    install(platform, "i-1", install_id="d-1", click_id=by_click.click_id)
    install(platform, "i-2", install_id="d-2", click_id=by_token.click_id)
    install(platform, "i-3", install_id="d-3", click_id=lost.click_id, at=NOON + timedelta(hours=2))
    install(platform, "i-4", install_id="d-2", activity="reinstall", player_id="p-2", at=NOON + timedelta(minutes=5))
    register(platform, "reg-1", click_id=by_click.click_id)
    register(platform, "reg-2", player_id="p-2", occurred_at=NOON + timedelta(hours=2))
    settle_due_touches(at=LATER, limit=100)
    deposit(platform)

    assert funnels(first=DAY, last=DAY) == [
        CampaignFunnel(
            campaign=link.campaign,
            clicks=3,
            app=AppSteps(
                installs=3,
                registrations=2,
                first_deposits=1,
                click_to_install_seconds=120,
                timed=3,
                within_10_seconds=0,
                within_hour=2,
                within_day=3,
                install_to_registration_seconds=5400,
                registration_to_deposit_seconds=3600,
            ),
            web=None,
        )
    ]


def test_funnels_count_who_came_without_an_app_as_web():
    platform, link = make_platform(), make_link()
    register(platform, click_id=make_click(link).click_id)
    deposit(platform)
    register(platform, "reg-2", player_id="p-2")
    register(platform, "reg-3", player_id="p-3", is_test=True)

    web = WebSteps(
        registrations=1,
        first_deposits=1,
        click_to_registration_seconds=3600,
        registration_to_deposit_seconds=3600,
    )
    nobodys = WebSteps(
        registrations=1,
        first_deposits=0,
        click_to_registration_seconds=None,
        registration_to_deposit_seconds=None,
    )
    assert funnels(first=DAY, last=DAY) == [
        CampaignFunnel(campaign=link.campaign, clicks=1, app=None, web=web),
        CampaignFunnel(campaign=None, clicks=0, app=None, web=nobodys),
    ]
    assert funnels(first=DAY, last=DAY, campaign=make_campaign()) == []
    assert funnels(first=DAY + timedelta(days=1), last=DAY + timedelta(days=1)) == []


def test_funnels_ask_as_often_for_one_campaign_as_for_three(django_assert_num_queries):
    platform = make_platform()
    for number in range(3):
        register(platform, f"reg-{number}", player_id=f"p-{number}", click_id=make_click(make_link()).click_id)

    with django_assert_num_queries(4):
        assert len(funnels(first=DAY, last=DAY)) == 3


def test_funnel_page_shows_both_ways_and_says_when_it_is_empty():
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    empty = client.get("/admin/analytics/funnel/").content.decode()
    platform, link = make_platform(), make_link(campaign=make_campaign(name="Reels"))
    click = make_click(link, at=NOON - timedelta(seconds=5))
    install(platform, "i-1", click_id=click.click_id)
    register(platform, "reg-2", player_id="p-2", click_id=make_click(link).click_id)

    shown = client.get("/admin/analytics/funnel/?first=2026-11-22&last=2026-11-22").content.decode()

    assert "No campaign yet" in empty
    assert "Reels" in shown
    assert ">App<" in shown
    assert ">Web<" in shown
    assert "100.0 %" in shown


def test_funnel_page_is_for_those_who_may_see_figures():
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_player"))
    client = Client()
    client.force_login(bob)

    assert client.get("/admin/analytics/funnel/").status_code == 403
