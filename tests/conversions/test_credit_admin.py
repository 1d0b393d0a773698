"""Why a player is credited, what staff change, and rules with their preview, in the admin."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import escape

from attribution.models import CreditRule
from conversions.models import Conversion, CreditIntervention, Player, PlayerMerge
from tests.attribution.credit_builders import make_rule
from tests.conversions.builders import deposit, register
from tests.conversions.domain.test_crediting import settle, sign_up
from tests.world import NOON, make_campaign, make_click, make_link, make_partner, make_platform

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


@pytest.fixture
def player() -> Player:
    """Two partners brought the player; the second's click came seconds before he registered."""
    platform, owner, taker = make_platform(), make_partner(name="Lotus Media"), make_partner(name="Harbour Media")
    link = make_link(partner=owner, campaign=make_campaign(name="Malta"))
    sign_up(platform, "s-1", player_id="p-1", click_id=make_click(link).click_id)
    late = make_click(make_link(partner=taker), at=NOON + timedelta(minutes=59, seconds=50))
    register(platform, click_id=late.click_id)
    deposit(platform)
    settle()
    return Player.objects.get()


def text_of(response: Any) -> str:
    return str(response.content.decode())


def page(player: Player, action: str = "change") -> str:
    return f"/admin/conversions/player/{player.pk}/{action}/"


def test_player_page_tells_how_he_came_in_order(alice: Client, player: Player) -> None:
    shown = text_of(alice.get(page(player))).partition("tracker-story")[2]

    told = [
        "partner Lotus Media",
        "Named by a signup, lead or sale. He is credited to this.",
        "partner Harbour Media",
        escape("It came too short before the registration to take him from the partner who was there."),
        "Registered",
        "His click is credited: it lies within 30 days.",
        "First deposit",
        "1 hour after the registration. It has the player&#x27;s credit.",
        "Position-based (40/20/40)",
        "50.00 %",
    ]
    positions = [shown.find(each) for each in told]
    assert -1 not in positions
    assert positions == sorted(positions)


def test_player_page_says_that_a_deposit_came_before_the_registration(alice: Client, player: Player) -> None:
    Conversion.objects.filter(kind="deposit").update(occurred_at=NOON + timedelta(minutes=52))

    assert "8 minutes before the registration." in text_of(alice.get(page(player)))


def test_conversion_page_says_why(alice: Client, player: Player) -> None:
    conversion = Conversion.objects.get(kind="deposit")

    shown = text_of(alice.get(f"/admin/conversions/conversion/{conversion.pk}/change/"))

    assert "His click is credited: it lies within 30 days." in shown
    assert "(no rule was made)" not in shown
    assert "He is credited to this." in shown


def test_player_page_of_before_reasons_says_so(alice: Client, player: Player) -> None:
    player.credit_decisions.update(
        player=Player.objects.create(platform=player.platform, player_id="x", created_at=NOON)
    )

    assert "Reasons were not kept yet." in text_of(alice.get(page(player)))


def test_retag_asks_for_a_reason_and_shows_it_to_both(alice: Client, player: Player) -> None:
    gainer = make_partner(name="Coral Media")

    without = alice.post(page(player, "retag"), {"partner": gainer.pk, "link": "", "reason": ""})
    done = alice.post(page(player, "retag"), {"partner": gainer.pk, "link": "", "reason": "By contract"}, follow=True)

    assert "This field is required" in text_of(without)
    assert "Given to another by alice" in text_of(done)
    assert "From Malta (partner Lotus Media) to partner Coral Media. Reason: By contract" in text_of(done)
    intervention = CreditIntervention.objects.get()
    for partner in (intervention.partner_before, intervention.partner_after):
        assert partner is not None
        listed = text_of(alice.get(f"/admin/conversions/creditintervention/?partner={partner.pk}"))
        assert "By contract" in listed
    taker = player.theft_evidence.get().partner_after
    assert "By contract" not in text_of(alice.get(f"/admin/conversions/creditintervention/?partner={taker.pk}"))


def test_retag_to_a_link_names_its_campaign_and_its_partner_where_there_is_one(alice: Client, player: Player) -> None:
    alone = make_link(campaign=make_campaign(name="Baltic"))
    theirs = make_link(campaign=make_campaign(name="Nordic"), partner=make_partner(name="Coral Media"))
    alice.post(page(player, "retag"), {"link": alone.code, "reason": "Ours"})
    alice.post(page(player, "retag"), {"link": theirs.code, "reason": "Theirs"})

    told = text_of(alice.get(page(player)))
    listed = text_of(alice.get("/admin/conversions/creditintervention/"))

    assert "From Malta (partner Lotus Media) to Baltic (no partner). Reason: Ours" in told
    assert "From Baltic (no partner) to Nordic (partner Coral Media). Reason: Theirs" in told
    assert listed.count("Baltic (no partner)") == 2
    assert listed.count("Nordic (partner Coral Media)") == 1


def test_retag_within_a_partner_names_both_campaigns(alice: Client, player: Player) -> None:
    other = make_link(campaign=make_campaign(name="Baltic"), partner=player.partner)
    alice.post(page(player, "retag"), {"link": other.code, "reason": "The right one"})
    alice.post(page(player, "release"), {"reason": "It was right before"})

    told = text_of(alice.get(page(player)))

    assert "From Malta (partner Lotus Media) to Baltic (partner Lotus Media). Reason: The right one" in told
    assert "From Baltic (partner Lotus Media) to Malta (partner Lotus Media). Reason: It was right before" in told


def test_retag_takes_a_link_or_a_partner(alice: Client, player: Player) -> None:
    nobody = alice.post(page(player, "retag"), {"link": "no-such", "reason": "By contract"})
    neither = alice.post(page(player, "retag"), {"link": "", "reason": "By contract"})
    link = make_link(partner=make_partner())
    alice.post(page(player, "retag"), {"link": link.code, "reason": "By contract"})

    assert "There is no tracking link of this code." in text_of(nobody)
    assert "one of the two" in text_of(neither)
    player.refresh_from_db()
    assert (player.link, player.partner) == (link, link.partner)


def test_touch_is_separated_and_put_back(alice: Client, player: Player) -> None:
    touch = f"click:{player.click_uuid.hex if player.click_uuid else ''}"

    asked = text_of(alice.get(page(player, "separate")))
    alice.post(page(player, "separate"), {"touch": touch, "reason": "Shared device"})
    player.refresh_from_db()
    separated_to = player.partner
    shown = text_of(alice.get(page(player)))
    alice.post(page(player, "rejoin"), {"touch": touch, "reason": "His after all"})
    player.refresh_from_db()

    assert touch in asked
    assert separated_to is not None
    assert separated_to.name == "Harbour Media"
    assert "Staff separated it from him." in shown
    assert player.partner is not None
    assert player.partner.name == "Lotus Media"


def test_merge_and_its_undoing_are_kept_with_reasons(alice: Client, player: Player) -> None:
    register(player.platform, "reg-2", player_id="p-2")
    refused = alice.post(page(player, "merge"), {"other": "p-9", "reason": "Same person"})

    alice.post(page(player, "merge"), {"other": "p-2", "reason": "Same person"})
    merge = PlayerMerge.objects.get()
    done = alice.post(page(player, "unmerge"), {"merge": merge.pk, "reason": "Two brothers"}, follow=True)

    assert "This platform has no other player of this id." in text_of(refused)
    assert "Merged with player p-2 by alice" in text_of(done)
    assert "Kept apart from player p-2 again by alice" in text_of(done)


def test_only_who_may_change_credit_sees_its_buttons(player: Player) -> None:
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_player"))
    client = Client()
    client.force_login(bob)

    assert "Re-tag" not in text_of(client.get(page(player)))
    assert client.post(page(player, "retag"), {"partner": "1", "reason": "Mine"}).status_code == 403
    assert not CreditIntervention.objects.exists()


def rule_form(**fields: Any) -> dict[str, Any]:
    defaults = {
        "click_hours": "720",
        "install_hours": "168",
        "view_hours": "24",
        "channels": "click, promo_code",
        "later_touch": "earliest",
        "protected_seconds": "0",
        "first": "2026-11-22",
        "last": "2026-11-22",
        "reason": "Meta reports seven days",
    }
    return defaults | fields


NEW = "/admin/attribution/creditrule/new-version/"


def test_rule_is_previewed_before_it_is_applied(alice: Client, player: Player) -> None:
    at_once = alice.post(NEW, rule_form(apply=""), follow=True)
    assert not CreditRule.objects.exists()

    previewed = alice.post(
        NEW, rule_form(preview="", channels="click", protected_seconds="0", later_touch="latest"), follow=True
    )
    seal = previewed.context["form"]["previewed"].value()
    changed = alice.post(NEW, rule_form(apply="", previewed=seal), follow=True)
    assert not CreditRule.objects.exists()
    applied = alice.post(NEW, rule_form(apply="", previewed=seal, channels="click", later_touch="latest"), follow=True)

    assert "would be credited differently" in text_of(at_once)
    assert "1 of 1 player would be credited differently" in text_of(previewed)
    assert "partner Lotus Media → Harbour Media" in text_of(previewed)
    assert "by these terms." in text_of(previewed)
    assert "where no rule was made" not in text_of(previewed)
    assert "Apply to registrations to come" in text_of(changed)
    rule = CreditRule.objects.get()
    assert (rule.version, rule.channels, rule.reason) == (1, ["click"], "Meta reports seven days")
    assert rule.starts_at > datetime.now(UTC) - timedelta(minutes=5)
    assert "holds for registrations from" in text_of(applied)
    player.refresh_from_db()
    assert str(player.partner) == "Lotus Media"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"channels": "click, pigeon"}, "is no channel"),
        ({"channels": "click, click"}, "each once"),
        ({"first": "2026-11-23"}, "Preview from one day to a later one"),
        ({"click_hours": "0"}, "A window is from an hour to 400 days."),
    ],
)
def test_rule_form_says_what_to_mend(alice: Client, fields: dict[str, Any], text: str) -> None:
    response = alice.post(NEW, rule_form(preview="", **fields), follow=True)

    assert response.status_code == 400
    assert text in text_of(response)


def test_rule_page_shows_its_terms_and_ends_it(alice: Client) -> None:
    rule = make_rule(click_hours=36, reason="Short")

    shown = text_of(alice.get(f"/admin/attribution/creditrule/{rule.pk}/change/"))
    alice.post(f"/admin/attribution/creditrule/{rule.pk}/end/")

    assert "36 hours" in shown
    assert "Default" in shown
    rule.refresh_from_db()
    assert rule.ends_at is not None


@pytest.mark.parametrize("name", ["creditintervention", "playermerge", "theftevidence"])
def test_lists_of_credit_say_what_they_are_for_when_empty(alice: Client, name: str) -> None:
    response = alice.get(f"/admin/conversions/{name}/")

    assert response.status_code == 200
    assert "tracker-purpose" in text_of(response)


def test_lead_theft_list_names_both_partners(alice: Client, player: Player) -> None:
    shown = text_of(alice.get("/admin/conversions/theftevidence/"))

    assert "Lotus Media" in shown
    assert "Harbour Media" in shown
    assert "10 s" in shown
