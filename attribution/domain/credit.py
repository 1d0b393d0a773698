"""Who gets the credit for a registration: the click it names, else a promo code, else a partner's tag."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from attribution.click_ids import ClickId, ForgedClickId, MalformedClickId, read_click_id
from attribution.models import Click, CreditOutcome
from campaigns.models import Campaign, LinkTerms, Partner, TrackingLink

CLICK_TO_REGISTRATION_WINDOW = timedelta(days=30)
_SUB_IDS = range(1, 11)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a registration says about where the player came from; empty text where it says nothing."""

    click_id: str = ""
    promo_code: str = ""
    partner_tag: str = ""


@dataclass(frozen=True, kw_only=True)
class Credit:
    """Who is credited and why; ids of rows, None where there is none.

    `click_facts` copies what later steps need of the click: platform_click_ids, external_id, sub_ids (by number),
    keyword, placement, kind, country, flow_id. Empty while the click itself is not stored.
    """

    outcome: str
    click_uuid: UUID | None = None
    clicked_at: datetime | None = None
    link_id: int | None = None
    campaign_id: int | None = None
    creative_id: int | None = None
    partner_id: int | None = None
    source_id: int | None = None
    offer_id: int | None = None
    click_facts: dict[str, Any] = field(default_factory=dict)


def credit_registration(claim: Claim, *, registered_at: datetime) -> Credit:
    """Return the credit for a registration.

    A click wins over a code and a code over a tag; where the click cannot be credited the next claim is heard. A
    forged click id ends it: nobody is credited.
    """
    by_click = _credit_click(claim.click_id, registered_at) if claim.click_id else None
    if by_click and by_click.outcome in (CreditOutcome.CLICK, CreditOutcome.FORGED_CLICK_ID):
        return by_click
    credited = _credit_promo_code(claim.promo_code, registered_at) or _credit_partner_tag(claim.partner_tag)
    if credited:
        return credited
    if by_click:
        return by_click
    named_nothing = not claim.promo_code and not claim.partner_tag
    return Credit(outcome=CreditOutcome.NO_CLAIM if named_nothing else CreditOutcome.UNKNOWN_CODE)


def click_facts(click: Click) -> dict[str, Any]:
    """Return the part of a click that outlives it with whatever it is credited with."""
    sub_ids = {str(number): getattr(click, f"sub_id_{number}") for number in _SUB_IDS}
    facts = {
        "platform_click_ids": click.platform_click_ids,
        "external_id": click.external_id,
        "sub_ids": {number: text for number, text in sub_ids.items() if text is not None},
        "keyword": click.keyword,
        "placement": click.placement,
        "kind": click.kind,
        "country": click.country,
        "flow_id": click.flow_id,
    }
    return {name: fact for name, fact in facts.items() if fact}


def _credit_click(text: str, registered_at: datetime) -> Credit:
    try:
        click_id = read_click_id(text, settings.CLICK_ID_KEYS)
    except MalformedClickId:
        return Credit(outcome=CreditOutcome.MALFORMED_CLICK_ID)
    except ForgedClickId:
        return Credit(outcome=CreditOutcome.FORGED_CLICK_ID)
    if registered_at - click_id.clicked_at > CLICK_TO_REGISTRATION_WINDOW:
        return Credit(outcome=CreditOutcome.OUTSIDE_WINDOW, click_uuid=click_id.uuid, clicked_at=click_id.clicked_at)
    click = Click.objects.filter(id=click_id.uuid).first()
    return _credit_stored_click(click, click_id) if click else _credit_unstored_click(click_id)


def _credit_stored_click(click: Click, click_id: ClickId) -> Credit:
    return Credit(
        outcome=CreditOutcome.CLICK,
        click_uuid=click.id,
        clicked_at=click_id.clicked_at,
        link_id=click.link_id,
        campaign_id=click.campaign_id,
        creative_id=click.creative_id,
        partner_id=click.partner_id,
        source_id=click.source_id,
        offer_id=click.offer_id,
        click_facts=click_facts(click),
    )


def _credit_unstored_click(click_id: ClickId) -> Credit:
    """Credit a click whose row is missing (still in a spool, or gone) by what its link stood for at its time."""
    terms = _terms_at(click_id.link_id, click_id.clicked_at)
    if terms is None:
        return Credit(outcome=CreditOutcome.UNKNOWN_LINK, click_uuid=click_id.uuid, clicked_at=click_id.clicked_at)
    return _credit_terms(terms, outcome=CreditOutcome.CLICK, click_uuid=click_id.uuid, clicked_at=click_id.clicked_at)


def _credit_promo_code(code: str, registered_at: datetime) -> Credit | None:
    link = TrackingLink.objects.filter(promo_code__iexact=code).order_by("id").first() if code else None
    terms = _terms_at(link.id, registered_at) if link else None
    return _credit_terms(terms, outcome=CreditOutcome.PROMO_CODE) if terms else None


def _credit_partner_tag(tag: str) -> Credit | None:
    partner = Partner.objects.filter(tag=tag, is_active=True).first() if tag else None
    return Credit(outcome=CreditOutcome.PARTNER_TAG, partner_id=partner.id) if partner else None


def _terms_at(link_id: int, at: datetime) -> LinkTerms | None:
    """Return what the link stood for at `at`; its first terms where the clocks of edge and database differ."""
    terms = LinkTerms.objects.filter(link_id=link_id).select_related("campaign")
    return terms.filter(starts_at__lte=at).order_by("-starts_at").first() or terms.order_by("starts_at").first()


def _credit_terms(
    terms: LinkTerms, *, outcome: str, click_uuid: UUID | None = None, clicked_at: datetime | None = None
) -> Credit:
    campaign: Campaign = terms.campaign
    return Credit(
        outcome=outcome,
        click_uuid=click_uuid,
        clicked_at=clicked_at,
        link_id=terms.link_id,
        campaign_id=campaign.id,
        creative_id=terms.creative_id,
        partner_id=terms.partner_id,
        source_id=campaign.source_id,
        offer_id=campaign.offer_id,
    )
