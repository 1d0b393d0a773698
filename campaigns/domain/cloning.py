"""Copies of campaigns, flows and offers: everything that was set up, nothing that happened."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import IntegrityError, models, transaction

from campaigns.domain.soundness import refuse_broken
from campaigns.models import Campaign, Creative, Flow, Offer
from campaigns.models.running import new_link_code
from tracker_project.common.database import broken_constraint

Row = TypeVar("Row", bound=models.Model)
_LONGEST_NAME = 100


class NameTaken(Exception):
    """Something of this name exists already."""


def clone_campaign(campaign: Campaign, *, name: str) -> Campaign:
    """Return a paused copy with flows, filters, offers, landing pages, caps, creatives, goals and links.

    Links get new codes and no promo code, which credits one link only. Clicks, costs, spend and alerts stay with the
    original. Raises `NameTaken`.
    """
    return _saved_once(lambda: _campaign_copy(campaign, name))


def clone_flow(flow: Flow, *, name: str) -> Flow:
    """Return an inactive copy of a flow in the same campaign, at the end of its kind. Raises `NameTaken`."""
    return _saved_once(lambda: _flow_copy(flow, flow.campaign, name=name, is_active=False))


def clone_offer(offer: Offer, *, name: str) -> Offer:
    """Return a copy of an offer with its licences and caps. Raises `NameTaken`."""
    return _saved_once(lambda: _offer_copy(offer, name))


def name_of_copy(name: str, taken: Callable[[str], bool]) -> str:
    """Return the first free one of “name (copy)”, “name (copy 2)” and so on."""
    number = 1
    while True:
        ending = " (copy)" if number == 1 else f" (copy {number})"
        copy = name[: _LONGEST_NAME - len(ending)] + ending
        if not taken(copy):
            return copy
        number += 1


def _saved_once(save: Callable[[], Row]) -> Row:
    try:
        with transaction.atomic():
            return save()
    except IntegrityError as error:
        if "name" in broken_constraint(error):
            raise NameTaken from error
        raise


def _campaign_copy(campaign: Campaign, name: str) -> Campaign:
    copy = _copy(campaign, name=name, status=Campaign.Status.PAUSED)
    creatives = {creative.pk: _copy(creative, campaign=copy) for creative in _rows(campaign.creatives)}
    for link in _rows(campaign.links):
        creative: Creative | None = creatives.get(link.creative_id) if link.creative_id else None
        _copy(link, campaign=copy, creative=creative, code=new_link_code(), promo_code="")
    for row in (*_rows(campaign.goals), *_rows(campaign.caps)):
        _copy(row, campaign=copy)
    for flow in _rows(campaign.flows):
        _flow_copy(flow, copy, name=flow.name, is_active=flow.is_active)
    refuse_broken([copy.pk])
    return copy


def _flow_copy(flow: Flow, campaign: Campaign, *, name: str, is_active: bool) -> Flow:
    copy = _copy(flow, campaign=campaign, name=name, is_active=is_active)
    for related in (flow.filters, flow.flow_offers, flow.flow_landing_pages, flow.caps):
        for row in _rows(related):
            _copy(row, flow=copy)
    return copy


def _offer_copy(offer: Offer, name: str) -> Offer:
    copy = _copy(offer, name=name, is_archived=False)
    for related in (offer.licences, offer.caps):
        for row in _rows(related):
            _copy(row, offer=copy)
    return copy


def _rows(related: Any) -> list[Any]:
    return list(related.order_by("pk"))


def _copy(row: Row, **changes: Any) -> Row:
    """Save a new row with the columns of `row`, but for its key, what the database fills in, and `changes`."""
    columns = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not field.primary_key and not getattr(field, "auto_now_add", False)
    }
    for name in changes:
        columns.pop(row._meta.get_field(name).attname, None)  # type: ignore[union-attr]
    return type(row)._default_manager.create(**columns, **changes)
