"""Writes the players of a measurement, and whom their deposits are told to.

Run as a program with their number and the receiver's address, it prints the secret and who they are; with `waiting`
and a number in place of them it has so many postbacks wait to be sent.
"""

import json
import os
import sys
from datetime import timedelta
from itertools import islice
from typing import Any

import django
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

# The demo's campaigns take players in turn; one of five came by a partner, whose commission is booked with each.
_TURNS = ["meta-reels", "google-brand", "meta-story", "google-slots", "lotus-review"]
_ROWS_AT_A_TIME = 1000


def write_players(number: int, receiver_url: str) -> dict[str, Any]:
    """Load the demo and register that many players who clicked, without their clicks' rows.

    Return the platform's secret, who they are, and the links by which others may come.
    """
    from attribution.click_ids import new_uuid7
    from campaigns.models import TrackingLink
    from conversions.models import Platform, Player

    call_command("load_demo", verbosity=0, stdout=sys.stderr)
    write_destinations(receiver_url)
    platform = Platform.objects.get(slug="gaming")
    links = {link.code: link for link in TrackingLink.objects.select_related("campaign")}
    clicked_at = timezone.now() - timedelta(hours=1)
    players = []
    for position in range(number):
        link = links[_TURNS[position % len(_TURNS)]]
        players.append(
            Player(
                platform=platform,
                player_id=f"bench-{position}",
                registered_at=clicked_at + timedelta(minutes=5),
                created_at=clicked_at,
                country="MT",
                consent_ad_user_data=True,
                consent_ad_personalization=True,
                credit_outcome="click",
                click_uuid=new_uuid7(int(clicked_at.timestamp() * 1000)),
                clicked_at=clicked_at,
                link=link,
                campaign=link.campaign,
                creative=link.creative,
                partner=link.partner,
                source=link.campaign.source,
                offer=link.campaign.offer,
                click_facts={
                    "kind": "click",
                    "country": "MT",
                    "external_id": f"bench{position}",
                    "platform_click_ids": {"fbclid": f"IwAR{position}", "ttclid": f"E.C.P.{position}"},
                },
            )
        )
    Player.objects.bulk_create(players, batch_size=_ROWS_AT_A_TIME)
    links_in_turn = [links[code].id for code in _TURNS]
    return {"secret": platform.secret, "players": [player.player_id for player in players], "links": links_in_turn}


def write_destinations(receiver_url: str) -> None:
    """Have each deposit told to three destinations, and to none of the demo's."""
    from conversions.models import Destination

    Destination.objects.update(is_active=False)
    everything: dict[str, Any] = {"on_first_deposit": True, "on_deposit": True}
    token = {"access_token": "measuring"}
    Destination.objects.create(name="Meta", kind="meta", dataset_id="1", **token, **everything)
    Destination.objects.create(name="TikTok", kind="tiktok", pixel_code="BENCH", **token, **everything)
    Destination.objects.create(
        name="S2S", kind="generic", url_template=f"{receiver_url}/s2s?cid={{click_id}}&sum={{amount}}", **everything
    )


def write_waiting(number: int) -> None:
    """Have so many postbacks about deposits told already wait to be sent, to all destinations in turn."""
    from conversions.domain.outbox import draft_postback
    from conversions.models import Conversion, Destination, Postback

    at = timezone.now()
    destinations = list(Destination.objects.filter(is_active=True).order_by("id"))
    deposits = Conversion.objects.filter(kind="deposit", review_state="approved").select_related("player")
    drafts = []
    for turn in range(-(-number // (deposits.count() * len(destinations)))):
        for deposit in deposits.order_by("id").iterator():
            for destination in destinations:
                draft = draft_postback(deposit, destination, at=at)
                if draft is not None:
                    draft.fact, draft.dedup_id = f"{draft.fact}:{turn}", f"{turn:08x}{draft.dedup_id[8:]}"
                    drafts.append(draft)
    with transaction.atomic():  # they are seen at one moment
        Postback.objects.bulk_create(islice(drafts, number), batch_size=_ROWS_AT_A_TIME)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
    django.setup()
    if sys.argv[1] == "waiting":
        write_waiting(int(sys.argv[2]))
    else:
        print(json.dumps(write_players(int(sys.argv[1]), sys.argv[2])))
