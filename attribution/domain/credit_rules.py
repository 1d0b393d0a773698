"""Which rule of credit is in force, and how another version takes its place."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from attribution.models import CreditRule
from campaigns.models import Brand, Campaign
from tracker_project.common.prepared import columns_of, fetch, made

log = structlog.get_logger(__name__)

_RULE = columns_of(CreditRule)
_IN_FORCE = f"""
    SELECT {", ".join(_RULE)} FROM credit_rules
     WHERE (campaign_id = ANY(%(campaigns)s) OR (campaign_id IS NULL AND (brand_id = %(brand)s OR brand_id IS NULL)))
       AND starts_at <= %(at)s AND (ends_at IS NULL OR ends_at > %(at)s)
     ORDER BY starts_at"""  # noqa: S608
# What holds where no version is in force: the columns' own defaults.
BUILT_IN = CreditRule(version=0)


class RuleStartsInThePast(ValueError):
    """What has been credited stays credited: a version starts now or later, and after the one before it."""


class ReasonMissing(ValueError):
    """Whoever changes who is credited says why."""


@dataclass(frozen=True, kw_only=True)
class RuleBook:
    """The rules in force at one instant for one brand's players."""

    default: CreditRule = BUILT_IN
    of_brand: CreditRule | None = None
    of_campaigns: dict[int, CreditRule] = field(default_factory=dict)

    def rule_for(self, campaign_id: int | None) -> CreditRule:
        """Return the rule for a touch of a campaign, or of none: its own, else the brand's, else the default."""
        own = self.of_campaigns.get(campaign_id) if campaign_id is not None else None
        return own or self.of_brand or self.default


def rules_in_force(*, brand_id: int | None, campaign_ids: Iterable[int | None], at: datetime) -> RuleBook:
    """Return the rules in force at `at` for these campaigns' touches; one query."""
    named = {campaign_id for campaign_id in campaign_ids if campaign_id is not None}
    rows = fetch(_IN_FORCE, {"campaigns": list(named), "brand": brand_id, "at": at})
    return book_of(made(CreditRule, _RULE, row) for row in rows)


def book_of(rules: Iterable[CreditRule]) -> RuleBook:
    """Return a book of rules, of which a later one of the same scope goes before an earlier one."""
    default, of_brand, of_campaigns = BUILT_IN, None, {}
    for rule in rules:
        if rule.campaign_id is not None:
            of_campaigns[rule.campaign_id] = rule
        elif rule.brand_id is not None:
            of_brand = rule
        else:
            default = rule
    return RuleBook(default=default, of_brand=of_brand, of_campaigns=of_campaigns)


def rule_versions(*, brand: Brand | None, campaign: Campaign | None) -> QuerySet[CreditRule]:
    """Return all versions of a scope."""
    return CreditRule.objects.filter(brand=brand, campaign=campaign)


def open_rule_version(draft: CreditRule, *, reason: str, actor: User, at: datetime) -> CreditRule:
    """Store a draft as the next version of its scope, from its `starts_at` on, and end the version before it.

    What registered before `starts_at` stays as it was credited. Raises `ReasonMissing`, and `RuleStartsInThePast`
    where it would start before `at` or before a version that exists.
    """
    if not reason.strip():
        raise ReasonMissing("Say why the terms change: the reason is kept with the version.")
    with transaction.atomic():
        versions = rule_versions(brand=draft.brand, campaign=draft.campaign)
        latest = versions.select_for_update().order_by("-version").first()
        if draft.starts_at < at or (latest is not None and draft.starts_at <= latest.starts_at):
            raise RuleStartsInThePast("Start it now or later, and after the version that was made last.")
        if latest is not None and (latest.ends_at is None or latest.ends_at > draft.starts_at):
            versions.filter(pk=latest.pk, ends_at=None).update(ends_at=draft.starts_at)
        draft.version = latest.version + 1 if latest else 1
        draft.reason, draft.created_by, draft.created_at = reason.strip(), actor, at
        draft.save(force_insert=True)
    log.info("credit_rule_opened", credit_rule=draft.pk, version=draft.version, actor=actor.pk)
    return draft


def end_rule(rule: CreditRule, *, at: datetime) -> None:
    """End an open version without a successor: what is wider holds from `at` on, or from its start if that is later."""
    CreditRule.objects.filter(pk=rule.pk, ends_at=None).update(ends_at=max(at, rule.starts_at))
