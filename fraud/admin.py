"""Reviews with their reasons, and the buttons by which a person decides."""

from datetime import UTC, datetime
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.enums import ActionVariant

from conversions.models import Conversion
from fraud.domain.reviewing import decide_review
from fraud.models import Review
from tracker_project.common.pages import (
    FactPage,
    ReasonForm,
    ask_first,
    button,
    change_address,
    found,
    label,
    link_to,
    money,
)

VERDICT_COLOURS = {"Approved": "success", "Held": "warning", "Rejected": "danger"}
STATE_COLOURS = VERDICT_COLOURS | {"Waiting for review": "info"}

_CONSEQUENCES = {
    Review.Verdict.APPROVED: (
        "The conversion counts: advertising platforms and partners are told of it, and where a partner brought the "
        "player his commission is booked."
    ),
    Review.Verdict.REJECTED: (
        "The conversion does not count: nothing more is sent, what was told is taken back where that is possible, and "
        "a commission that was booked is reversed."
    ),
}


class WaitingFilter(admin.SimpleListFilter):
    """The conversions that are held now, each by the review in force."""

    title = "decision"
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Waiting for a person")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        if self.value() != "1":
            return queryset
        return held_reviews(queryset)


def held_reviews(reviews: QuerySet[Review]) -> QuerySet[Review]:
    """Keep the reviews that hold a conversion now."""
    latest = Review.objects.filter(conversion=OuterRef("conversion")).order_by("-id").values("id")[:1]
    held = reviews.filter(verdict=Review.Verdict.HELD, conversion__review_state=Conversion.Review.HELD)
    return held.filter(id=Subquery(latest))


@admin.register(Review)
class ReviewAdmin(FactPage):
    purpose = "What was decided about conversions and why. Open one to approve or reject a conversion that is held."
    empty = "No conversion was reviewed yet; each one is, within seconds of being reported."
    list_display = ["created_at", "verdict_label", "why", "conversion_link", "amount", "state_now", "who"]
    list_filter = [WaitingFilter, "verdict"]
    list_select_related = ["conversion", "conversion__player", "decided_by"]
    search_fields = ["conversion"]
    search_help_text = "Number of the conversion"
    ordering = ["-id"]
    actions_detail = ["approve", "reject"]
    fieldsets = [
        (None, {"fields": [("verdict_label", "state_now"), "why", ("who", "created_at")]}),
        ("Conversion", {"fields": [("conversion_link", "amount"), "campaign", "earlier"]}),
    ]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "conversion__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Review], search_term: str
    ) -> tuple[QuerySet[Review], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return (queryset.filter(conversion=int(term)) if term.isdecimal() else queryset.none()), False

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("fraud.add_review")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        review = self.get_object(request, str(object_id))
        offered = _offered(review.conversion) if review else []
        buttons = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return [each for each in buttons if each.path in offered]

    @button("Approve…", path="approve", icon="check", permission="decide", variant=ActionVariant.PRIMARY)
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, Review.Verdict.APPROVED)

    @button("Reject…", path="reject", icon="block", permission="decide", variant=ActionVariant.DANGER)
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, Review.Verdict.REJECTED)

    def _decide(self, request: HttpRequest, object_id: str, verdict: Review.Verdict) -> HttpResponse:
        review = found(self, request, object_id)
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            decided = decide_review(
                review.conversion,
                verdict=verdict,
                reason=form.cleaned_data["reason"],
                actor=cast(User, request.user),
                at=datetime.now(UTC),
            )
            self.message_user(request, f"{verdict.label}: {_named(review.conversion)}. What follows is under way.")
            return redirect(change_address(decided))
        go_ahead = "Approve" if verdict == Review.Verdict.APPROVED else "Reject"
        return ask_first(
            self,
            request,
            review,
            title=f"{go_ahead} {_named(review.conversion)}",
            consequence=_CONSEQUENCES[verdict],
            button=go_ahead,
            form=form,
        )

    @label("Verdict", VERDICT_COLOURS)
    def verdict_label(self, review: Review) -> str:
        return review.get_verdict_display()

    @admin.display(description="Why")
    def why(self, review: Review) -> str:
        return "; ".join(reason["text"] for reason in review.reasons) or "No rule had anything against it."

    @admin.display(description="Conversion")
    def conversion_link(self, review: Review) -> str:
        return link_to(review.conversion, _named(review.conversion))

    @admin.display(description="Amount")
    def amount(self, review: Review) -> str:
        return money(review.conversion.amount, review.conversion.currency)

    @label("The conversion is now", STATE_COLOURS)
    def state_now(self, review: Review) -> str:
        return review.conversion.get_review_state_display()

    @admin.display(description="Decided by")
    def who(self, review: Review) -> str:
        return review.decided_by.get_username() if review.decided_by else "the rules"

    @admin.display(description="Campaign")
    def campaign(self, review: Review) -> str:
        return link_to(review.conversion.campaign)

    @admin.display(description="All its reviews")
    def earlier(self, review: Review) -> str:
        reviews = Review.objects.filter(conversion=review.conversion_id).order_by("id")
        return ", ".join(str(other) for other in reviews)


def _offered(conversion: Conversion) -> list[str]:
    """Return the buttons that would change something."""
    states = Conversion.Review
    offered = {states.HELD: ["approve", "reject"], states.APPROVED: ["reject"], states.REJECTED: ["approve"]}
    return offered.get(states(conversion.review_state), [])


def _named(conversion: Conversion) -> str:
    what = f"{conversion.get_kind_display().lower()} number {conversion.pk}"
    return f"{what} of player {conversion.player.player_id}"
