"""Writes the players of a measurement: run as a program with their number, prints the secret and who they are.

The demo's campaigns take them in turn: Meta's, the generic one, the partner's.
"""

import json
import os
import sys
from datetime import timedelta
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

# Two of five to Meta, two to the generic receiver, one to the partner, whose way is the longest: it is booked first.
_TURNS = ["meta-reels", "google-brand", "meta-story", "google-slots", "lotus-review"]
_RECEIVERS = {"meta": "meta", "google": "s2s", "lotus": "partner"}


def write_players(number: int) -> dict[str, Any]:
    """Load the demo and register that many players who clicked, without their clicks' rows; return who they are."""
    from attribution.click_ids import new_uuid7, sign_click_id
    from campaigns.models import TrackingLink
    from conversions.models import Platform, Player

    call_command("load_demo", verbosity=0, stdout=sys.stderr)
    platform = Platform.objects.get(slug="gaming")
    links = {link.code: link for link in TrackingLink.objects.select_related("campaign")}
    clicked_at = timezone.now() - timedelta(hours=1)
    players, told = [], []
    for position in range(number):
        link = links[_TURNS[position % len(_TURNS)]]
        uuid = new_uuid7(int(clicked_at.timestamp() * 1000))
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
                click_uuid=uuid,
                clicked_at=clicked_at,
                link=link,
                campaign=link.campaign,
                creative=link.creative,
                partner=link.partner,
                source=link.campaign.source,
                offer=link.campaign.offer,
                click_facts={"kind": "click", "country": "MT", "external_id": f"bench{position}"},
            )
        )
        click_id = sign_click_id(uuid.bytes, link.id, settings.CLICK_ID_KEYS[0])
        told.append([f"bench-{position}", click_id, _RECEIVERS[link.code.split("-")[0]]])
    Player.objects.bulk_create(players, batch_size=1000)
    return {"secret": platform.secret, "players": told}


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
    django.setup()
    print(json.dumps(write_players(int(sys.argv[1]))))
