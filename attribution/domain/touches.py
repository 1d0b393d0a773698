"""Touches: what a player's events say about where he came from, each resolved to a link, campaign and partner."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from attribution.click_ids import ClickId, ForgedClickId, MalformedClickId, read_click_id, uuid_time
from attribution.domain.pre_clicks import promote_pre_click
from attribution.models import Channel, Click, CreditOutcome
from campaigns.models import Campaign, LinkTerms, Partner, TrackingLink
from tracker_project.common.prepared import columns_of, fetch, made

_CLICK = columns_of(Click)
_CLICK_BY_ID = f"SELECT {', '.join(_CLICK)} FROM clicks WHERE id = %s"  # noqa: S608
_SUB_IDS = range(1, 11)
_NAME_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What an event says about where the player came from; empty text where it says nothing."""

    click_id: str = ""
    promo_code: str = ""
    partner_tag: str = ""


@dataclass(frozen=True, kw_only=True)
class Touch:
    """One contact with a player and what it leads to; ids of rows, None where there is none.

    `name` is the click's id in `clicks` (hexadecimal), the code or the tag; a text that is no click id is left out.
    `problem` is the `CreditOutcome` that says why it can't be credited, "" where it can. `is_named` says that the
    registration itself named it, `is_probable` that only the visitor's key tells whose it is. `click_facts` copies
    what later steps need of the click: platform_click_ids, external_id, sub_ids (by number), keyword, placement, kind,
    country, flow_id; empty while the click itself is not stored.
    """

    channel: str
    name: str
    occurred_at: datetime
    problem: str = ""
    click_uuid: UUID | None = None
    link_id: int | None = None
    campaign_id: int | None = None
    creative_id: int | None = None
    partner_id: int | None = None
    source_id: int | None = None
    offer_id: int | None = None
    is_named: bool = False
    is_probable: bool = False
    click_facts: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)

    @property
    def clicked_at(self) -> datetime | None:
        return uuid_time(self.click_uuid) if self.click_uuid else None


def read_touches(claim: Claim, *, at: datetime) -> list[Touch]:
    """Return what an event of `at` names: a click, a code, a tag, each where there is one.

    A landing whose click is named becomes a click by it.
    """
    touches = []
    if claim.click_id:
        touches.append(read_click(claim.click_id, at=at))
    if claim.promo_code:
        touches.append(_read_promo_code(claim.promo_code, at))
    if claim.partner_tag:
        touches.append(_read_partner_tag(claim.partner_tag, at))
    return [replace(touch, is_named=True) for touch in touches]


def read_click(text: str, *, at: datetime) -> Touch:
    """Return the touch that a click id stands for."""
    try:
        click_id = read_click_id(text, settings.CLICK_ID_KEYS)
    except MalformedClickId:
        return Touch(channel=Channel.CLICK, name="", occurred_at=at, problem=CreditOutcome.MALFORMED_CLICK_ID)
    except ForgedClickId:
        return Touch(channel=Channel.CLICK, name="", occurred_at=at, problem=CreditOutcome.FORGED_CLICK_ID)
    click = _stored_click(click_id.uuid) or promote_pre_click(click_id.uuid, at=at)
    return touch_of_click(click) if click else _touch_of_unstored_click(click_id)


def _stored_click(uuid: UUID) -> Click | None:
    rows = fetch(_CLICK_BY_ID, [uuid])
    return made(Click, _CLICK, rows[0]) if rows else None


def touch_of_click(click: Click) -> Touch:
    """Return the touch that a stored click is."""
    return Touch(
        channel=Channel.CLICK,
        name=click.id.hex,
        occurred_at=click.clicked_at,
        click_uuid=click.id,
        link_id=click.link_id,
        campaign_id=click.campaign_id,
        creative_id=click.creative_id,
        partner_id=click.partner_id,
        source_id=click.source_id,
        offer_id=click.offer_id,
        click_facts=click_facts(click),
    )


def touch_of_link(link: TrackingLink, *, channel: str, name: str, at: datetime) -> Touch | None:
    """Return a touch on what a link stood for at `at`; None for a link without terms."""
    terms = _terms_at(link.pk, at)
    return _touch_of_terms(terms, channel=channel, name=name, at=at) if terms else None


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


def _touch_of_unstored_click(click_id: ClickId) -> Touch:
    """Return a click whose row is missing (still in a spool, or gone) by what its link stood for at its time."""
    terms = _terms_at(click_id.link_id, click_id.clicked_at)
    name, at = click_id.uuid.hex, click_id.clicked_at
    touch = Touch(channel=Channel.CLICK, name=name, occurred_at=at, problem=CreditOutcome.UNKNOWN_LINK)
    if terms is not None:
        touch = _touch_of_terms(terms, channel=Channel.CLICK, name=name, at=at)
    return replace(touch, click_uuid=click_id.uuid)


def _read_promo_code(code: str, at: datetime) -> Touch:
    link = TrackingLink.objects.filter(promo_code__iexact=code).order_by("id").first()
    name = code[:_NAME_LENGTH].upper()
    touch = touch_of_link(link, channel=Channel.PROMO_CODE, name=name, at=at) if link else None
    return touch or Touch(channel=Channel.PROMO_CODE, name=name, occurred_at=at, problem=CreditOutcome.UNKNOWN_CODE)


def _read_partner_tag(tag: str, at: datetime) -> Touch:
    partner = Partner.objects.filter(tag=tag, is_active=True).first()  # at most one, by constraint
    problem = "" if partner else CreditOutcome.UNKNOWN_CODE
    return Touch(
        channel=Channel.PARTNER_TAG,
        name=tag[:_NAME_LENGTH],
        occurred_at=at,
        problem=problem,
        partner_id=partner.pk if partner else None,
    )


def _terms_at(link_id: int, at: datetime) -> LinkTerms | None:
    """Return what the link stood for at `at`; its first terms where the clocks of edge and database differ."""
    terms = LinkTerms.objects.filter(link_id=link_id).select_related("campaign")
    return terms.filter(starts_at__lte=at).order_by("-starts_at").first() or terms.order_by("starts_at").first()


def _touch_of_terms(terms: LinkTerms, *, channel: str, name: str, at: datetime) -> Touch:
    campaign: Campaign = terms.campaign
    return Touch(
        channel=channel,
        name=name,
        occurred_at=at,
        link_id=terms.link_id,
        campaign_id=campaign.pk,
        creative_id=terms.creative_id,
        partner_id=terms.partner_id,
        source_id=campaign.source_id,
        offer_id=campaign.offer_id,
    )
