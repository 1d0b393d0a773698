"""Of which campaigns and of whose players alone a destination hears."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from campaigns.models import Campaign, Partner
from conversions.models import Destination, DestinationCampaign, DestinationPartner
from conversions.models.players import Credited


def limited_to(destination: Destination) -> tuple[list[Campaign], list[Partner]]:
    """Return the campaigns and the partners that a destination is limited to, by name; none is no limit."""
    return list(destination.campaigns.order_by("name")), list(destination.partners.order_by("name"))


@transaction.atomic
def limit_destination(
    destination: Destination, *, campaigns: Collection[Campaign], partners: Collection[Partner]
) -> None:
    """Limit a destination to these campaigns, and to the players of these partners; idempotent."""
    # New ones first: between two statements nobody sees a destination that has lost its limits.
    DestinationCampaign.objects.bulk_create(
        [DestinationCampaign(destination=destination, campaign=campaign) for campaign in campaigns],
        ignore_conflicts=True,
    )
    DestinationPartner.objects.bulk_create(
        [DestinationPartner(destination=destination, partner=partner) for partner in partners], ignore_conflicts=True
    )
    DestinationCampaign.objects.filter(destination=destination).exclude(campaign__in=campaigns).delete()
    DestinationPartner.objects.filter(destination=destination).exclude(partner__in=partners).delete()


def is_within_limits(fact: Credited, *, of: str = "") -> Q:
    """Return the condition that a destination's campaigns, partners and source allow what a fact is credited to.

    `of` is the way from the rows that are filtered to their destination, as in "destination__".
    """
    campaigns = _is_among(f"{of}only_campaign_ids", fact.campaign_id)
    partners = _is_among(f"{of}only_partner_ids", fact.partner_id)
    return campaigns & partners & (Q(**{f"{of}source": None}) | Q(**{f"{of}source": fact.source_id}))


def _is_among(limits: str, credited: int | None) -> Q:
    has_none = Q(**{limits: None})
    return has_none if credited is None else has_none | Q(**{f"{limits}__contains": [credited]})
