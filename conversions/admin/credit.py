"""What staff changed about credit, and signs of lead theft: both facts, by partner."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from campaigns.models import Partner
from conversions.admin.facts import duration
from conversions.domain.credit_story import credited_in_words, intervention_in_words, interventions_told
from conversions.models import CreditIntervention, PlayerMerge, TheftEvidence
from tracker_project.common.pages import FactPage, link_to


class PartnerFilter(admin.SimpleListFilter):
    """Rows in which a partner stands on either side."""

    title = "partner"
    parameter_name = "partner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = model_admin.model.objects
        partners = {*rows.values_list("partner_before", flat=True), *rows.values_list("partner_after", flat=True)}
        named = Partner.objects.filter(pk__in=partners - {None}).order_by("name")
        return [(str(pk), name) for pk, name in named.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (self.value() or "").isdecimal():
            return queryset
        return queryset.filter(Q(partner_before=self.value()) | Q(partner_after=self.value()))


@admin.register(CreditIntervention)
class CreditInterventionAdmin(FactPage):
    purpose = (
        "Players whom staff gave to another partner or link, and touches that staff joined or separated, each with the "
        "reason. It stands in the history of both partners. The buttons are on a player's page."
    )
    empty = "Staff have changed nobody's credit: the rules decided alone."
    list_display = ["created_at", "kind", "player_link", "credited_before", "credited_after", "reason", "who"]
    list_filter = ["kind", PartnerFilter]
    ordering = ["-id"]
    fields = ["created_at", "kind", "player_link", ("credited_before", "credited_after"), "words", "who"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CreditIntervention]:
        return interventions_told()

    @admin.display(description="Player")
    def player_link(self, each: CreditIntervention) -> str:
        return link_to(each.player)

    @admin.display(description="From")
    def credited_before(self, each: Any) -> str:
        return credited_in_words(each.campaign_before, each.partner_before)

    @admin.display(description="To")
    def credited_after(self, each: Any) -> str:
        return credited_in_words(each.campaign_after, each.partner_after)

    @admin.display(description="What and why")
    def words(self, each: CreditIntervention) -> str:
        return intervention_in_words(each)

    @admin.display(description="By")
    def who(self, each: CreditIntervention) -> str:
        return each.actor.get_username()


@admin.register(PlayerMerge)
class PlayerMergeAdmin(FactPage):
    purpose = "Players whom staff took for one person: their touches count together. It is undone on a player's page."
    empty = "No two players were merged."
    list_display = ["merged_at", "player_link", "other_link", "reason", "actor", "undone_at"]
    list_select_related = ["player", "other", "actor"]
    ordering = ["-id"]
    fields = [
        ("player_link", "other_link"),
        "reason",
        ("actor", "merged_at"),
        ("undone_by", "undone_at"),
        "undo_reason",
    ]

    @admin.display(description="Player")
    def player_link(self, merge: PlayerMerge) -> str:
        return link_to(merge.player)

    @admin.display(description="Other player")
    def other_link(self, merge: PlayerMerge) -> str:
        return link_to(merge.other)


@admin.register(TheftEvidence)
class TheftEvidenceAdmin(FactPage):
    purpose = (
        "Signs that a partner took, or tried to take, players whom another had brought. Single ones happen by chance: "
        "review holds a partner's players once more than 5 % of 20 or more show them."
    )
    empty = "No sign of lead theft so far."
    list_display = ["occurred_at", "kind", "player_link", "was_first", "came_later", "later", "before"]
    list_filter = ["kind", PartnerFilter]
    list_select_related = ["player", "partner_before", "partner_after"]
    ordering = ["-id"]
    fields = [
        "kind",
        "player_link",
        ("was_first", "came_later"),
        ("later", "before"),
        "certain",
        ("occurred_at", "noticed_at"),
    ]

    @admin.display(description="Player")
    def player_link(self, evidence: TheftEvidence) -> str:
        return link_to(evidence.player)

    @admin.display(description="Was there first")
    def was_first(self, evidence: TheftEvidence) -> str:
        return link_to(evidence.partner_before)

    @admin.display(description="Came later")
    def came_later(self, evidence: TheftEvidence) -> str:
        return link_to(evidence.partner_after)

    @admin.display(description="How much later")
    def later(self, evidence: TheftEvidence) -> str:
        return duration(evidence.seconds_after)

    @admin.display(description="Before the registration")
    def before(self, evidence: TheftEvidence) -> str:
        return duration(evidence.seconds_before)

    @admin.display(description="How the earlier touch is known")
    def certain(self, evidence: TheftEvidence) -> str:
        return "By the visitor's key alone: probably the same person" if evidence.is_probable else "For certain"
