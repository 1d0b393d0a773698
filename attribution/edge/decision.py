"""Where a visit goes: forced flows, regular flows, the default flow, the campaign's own offer, else the fallback."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from attribution.edge.cookies import Binding
from attribution.edge.explanation import (
    WEIGHS_NOTHING,
    why_budget_refuses,
    why_filters_refuse,
    why_offer_refuses,
)
from attribution.edge.macros import Address
from attribution.edge.routes import Campaign, Flow, LandingPage, Offer, Route, Share
from attribution.edge.rows import NULL
from attribution.edge.usage import Budget, Cap
from attribution.edge.visit import Visit

_DAY_MS = 86_400_000
T = TypeVar("T", Offer, LandingPage)


class Limits(Protocol):
    """What knows how much of caps and budgets is used."""

    def is_reached(self, caps: Sequence[Cap], milliseconds: int) -> bool: ...

    def is_spent(self, budget: Budget, milliseconds: int) -> bool: ...


class Decision(NamedTuple):
    """Where a visit goes. `outcome` is a click's; a landing page comes without offer, which `/go/` chooses."""

    outcome: str
    flow: Flow | None = None
    landing_page: LandingPage | None = None
    offer: Offer | None = None
    licence_id: int | None = None

    @property
    def columns(self) -> str:
        """Return outcome, flow, landing page, offer and licence as they stand in a click's row."""
        return (
            f"{self.outcome}\t{self.flow.id if self.flow else NULL}\t"
            f"{self.landing_page.id if self.landing_page else NULL}\t{self.offer.id if self.offer else NULL}\t"
            f"{NULL if self.licence_id is None else self.licence_id}"
        )


def address_of(route: Route, decision: Decision) -> Address | None:
    """Return the address that a decision leads a link's visitor to; None where a page of ours is shown."""
    if decision.landing_page is not None:
        return route.landing_page_address(decision.landing_page, decision.flow)
    if decision.offer is not None:
        return route.offer_address(decision.offer, decision.flow)
    return None if decision.outcome in ("paused", "stopped") else route.fallback_address()


class Note(NamedTuple):
    """Why a flow or an offer did or did not take a visit, for people."""

    subject: str
    is_taken: bool
    reason: str


# An offer that a visit may go to, and under which licence; or why there is none.
_Choice = tuple[Offer | None, int | None, str]


class Router:
    """Decides by a snapshot's offers and the limits that are used so far; `draw` returns a number from 0 to below 1.

    Give `notes` to have every step explained.
    """

    __slots__ = ("_draw", "_limits", "_notes", "_offers")

    def __init__(
        self,
        offers: Mapping[int, Offer],
        limits: Limits,
        draw: Callable[[], float],
        *,
        notes: list[Note] | None = None,
    ) -> None:
        self._offers = offers
        self._limits = limits
        self._draw = draw
        self._notes = notes

    def decide(self, campaign: Campaign, visit: Visit, binding: Binding | None = None) -> Decision:
        """Return where a visit of a campaign's link goes."""
        if not campaign.is_active:
            self._refuse("Campaign", "The campaign is not active: a page says so.")
            return Decision("paused")
        if campaign.caps and self._limits.is_reached(campaign.caps, visit.milliseconds):
            self._refuse("Campaign", "A cap of the campaign is reached.")
            return Decision("capped")
        if campaign.budget is not None and self._limits.is_spent(campaign.budget, visit.milliseconds):
            self._refuse("Campaign", why_budget_refuses(campaign.budget))
            return Decision("capped")
        flow = self._choose_flow(campaign, visit, binding)
        if self._notes is not None and flow is not None:
            self._explain_unasked(flow, campaign)
        if flow is None:
            return self._to_own_offer(campaign, visit)
        if flow.action == "paused_page":
            return Decision("paused", flow)
        if flow.action == "nothing":
            return Decision("stopped", flow)
        return self._along(flow, campaign, visit, binding)

    def choose_offer(
        self,
        campaign: Campaign,
        flow: Flow | None,
        visit: Visit,
        *,
        position: int | None = None,
        bound_offer_id: int = 0,
    ) -> Decision:
        """Return the offer that a flow (None: the campaign itself) sends a visit to, as if there were no page.

        `position` asks for the offer of a link's number, whatever its weight; where that one takes nobody, the
        others are drawn from.
        """
        if flow is None or not flow.offers:
            return self._to_own_offer(campaign, visit, flow)
        choice: _Choice | None = None
        if position is not None:
            numbered = [share for share in flow.offers if share.position == position]
            if len(numbered) == 1:
                choice = self._open_offer(campaign, numbered[0].target, visit)
            elif numbered:
                choice = self._draw_offer(campaign, numbered, visit, 0)
        if choice is None or choice[0] is None:
            choice = self._draw_offer(campaign, flow.offers, visit, bound_offer_id)
        offer, licence_id, refusal = choice
        return Decision("offer", flow, None, offer, licence_id) if offer is not None else Decision(refusal, flow)

    def _choose_flow(self, campaign: Campaign, visit: Visit, binding: Binding | None) -> Flow | None:
        for flow in campaign.forced:
            if self._takes(flow, campaign, visit):
                return flow
        if campaign.is_by_weight:
            drawn = self._draw_flow(campaign, visit, binding)
            if drawn is not None:
                return drawn
        else:
            for flow in campaign.regular:
                if self._takes(flow, campaign, visit):
                    return flow
        if campaign.default is not None and self._takes(campaign.default, campaign, visit):
            return campaign.default
        return None

    def _draw_flow(self, campaign: Campaign, visit: Visit, binding: Binding | None) -> Flow | None:
        """Return the flow that the visitor is bound to, else one drawn by weight, of those that take him."""
        taking = [flow for flow in campaign.regular if self._takes(flow, campaign, visit)]
        if binding is not None:
            for flow in taking:
                if flow.id == binding.flow_id:
                    return flow
        weights = [flow.weight for flow in taking]
        drawn = taking[self._draw_index(weights)] if sum(weights) else None
        if self._notes is not None:
            self._explain_draw(taking, drawn)
        return drawn

    def _takes(self, flow: Flow, campaign: Campaign, visit: Visit) -> bool:
        if self._notes is not None:
            return self._explain_taking(flow, campaign, visit)
        questions = flow.questions
        if questions is None:
            return False
        if questions:
            if flow.takes_any:
                if not any(question.takes(visit, campaign) for question in questions):
                    return False
            else:
                for ask, test, is_negated, _ in questions:
                    if test.takes(ask(visit, campaign)) is is_negated:
                        return False
        return not flow.caps or not self._limits.is_reached(flow.caps, visit.milliseconds)

    def _explain_taking(self, flow: Flow, campaign: Campaign, visit: Visit) -> bool:
        subject = f"Flow “{flow.name}”"
        if flow.questions is None:
            self._refuse(subject, "One of its filters cannot be read: mend it.")
            return False
        failed = [question for question in flow.questions if not question.takes(visit, campaign)]
        if failed and not (flow.takes_any and len(failed) < len(flow.questions)):
            reason = why_filters_refuse(failed, any_is_enough=flow.takes_any, visit=visit, campaign=campaign)
            self._refuse(subject, reason)
            return False
        if flow.caps and self._limits.is_reached(flow.caps, visit.milliseconds):
            self._refuse(subject, "A cap of the flow is reached.")
            return False
        self._accept(subject, "It takes everybody." if not flow.questions else "Its filters are met.")
        return True

    def _explain_draw(self, taking: Sequence[Flow], drawn: Flow | None) -> None:
        total = sum(flow.weight for flow in taking)
        for flow in taking:
            subject = f"Flow “{flow.name}”"
            if flow is drawn and len(taking) > 1:
                self._accept(subject, f"It was drawn by its weight: {flow.weight} of {total}.")
            elif flow is not drawn:
                chance = f"Another was drawn: its weight is {flow.weight} of {total}." if flow.weight else ""
                self._refuse(subject, chance or WEIGHS_NOTHING)

    def _explain_unasked(self, chosen: Flow, campaign: Campaign) -> None:
        """Say of the flows that were not reached who took the visit before them."""
        asked = {note.subject for note in self._notes or ()}
        for flow in campaign.flows:
            subject = f"Flow “{flow.name}”"
            if subject not in asked:
                self._refuse(subject, f"It was not asked: “{chosen.name}” comes before it.")

    def _along(self, flow: Flow, campaign: Campaign, visit: Visit, binding: Binding | None) -> Decision:
        """Lead to a flow's landing page, if it has one and an offer behind it may be shown; else to an offer."""
        bound_offer_id = binding.offer_id if binding is not None else 0
        to_offer = self.choose_offer(campaign, flow, visit, bound_offer_id=bound_offer_id)
        if to_offer.offer is None or not flow.landing_pages:
            return to_offer
        bound_page_id = binding.landing_page_id if binding is not None else 0
        page = self._draw_share(flow.landing_pages, bound_page_id)
        if page is None:
            return to_offer
        self._accept(f"Landing page “{page.name}”", "The offer is chosen when a link on it is followed.")
        return Decision("landing", flow, page)

    def _to_own_offer(self, campaign: Campaign, visit: Visit, flow: Flow | None = None) -> Decision:
        if campaign.offer is None:
            if flow is not None:
                self._refuse(f"Flow “{flow.name}”", "It has no offer, and the campaign has none of its own.")
            else:
                self._refuse("Campaign", "No flow takes the visitor, and the campaign has no offer of its own.")
            return Decision("broken", flow)
        offer, licence_id, refusal = self._open_offer(campaign, campaign.offer, visit)
        return Decision("offer", flow, None, offer, licence_id) if offer is not None else Decision(refusal, flow)

    def _draw_offer(
        self, campaign: Campaign, shares: Sequence[Share[Offer]], visit: Visit, bound_offer_id: int
    ) -> _Choice:
        """Draw one of the offers that may be shown; the one that the visitor is bound to wins."""
        if len(shares) == 1 and shares[0].weight:
            return self._open_offer(campaign, shares[0].target, visit)
        weights: list[int] = []
        choices: list[_Choice] = []
        refusals = set[str]()
        for offer, weight, _ in shares:
            choice = self._open_offer(campaign, offer, visit)
            opened = choice[0]
            if opened is None:
                refusals.add(choice[2])
                continue
            if bound_offer_id and bound_offer_id in (offer.id, opened.id):
                return choice
            if not weight:
                self._refuse(f"Offer “{offer.name}”", WEIGHS_NOTHING)
            weights.append(weight)
            choices.append(choice)
        if sum(weights):
            return choices[self._draw_index(weights)]
        return None, None, _gravest(refusals)

    def _open_offer(self, campaign: Campaign, offer: Offer, visit: Visit) -> _Choice:
        """Return the offer, or the alternative that stands in once its caps are reached, if it may be shown there."""
        passed = set[int]()
        current: Offer | None = offer
        while current is not None and current.id not in passed:
            passed.add(current.id)
            refusal, licence_id = _licence(current, campaign, visit)
            if refusal:
                if self._notes is not None:
                    self._refuse(f"Offer “{current.name}”", why_offer_refuses(refusal, current, visit))
                return None, None, refusal
            if not current.caps or not self._limits.is_reached(current.caps, visit.milliseconds):
                self._accept(f"Offer “{current.name}”", "It may be shown.")
                return current, licence_id, ""
            if self._notes is not None:
                self._refuse(f"Offer “{current.name}”", why_offer_refuses("capped", current, visit))
            current = self._offers.get(current.alternative_id) if current.alternative_id else None
        return None, None, "capped"

    def _draw_share(self, shares: Sequence[Share[T]], bound_id: int) -> T | None:
        if bound_id:
            for target, _, _ in shares:
                if target.id == bound_id:
                    return target
        weights = [share.weight for share in shares]
        return shares[self._draw_index(weights)].target if sum(weights) else None

    def _draw_index(self, weights: Sequence[int]) -> int:
        if len(weights) == 1:
            return 0
        left = self._draw() * sum(weights)
        for index, weight in enumerate(weights):
            left -= weight
            if left < 0:
                return index
        return max(index for index, weight in enumerate(weights) if weight)

    def _accept(self, subject: str, reason: str) -> None:
        if self._notes is not None:
            self._notes.append(Note(subject, is_taken=True, reason=reason))

    def _refuse(self, subject: str, reason: str) -> None:
        if self._notes is not None:
            self._notes.append(Note(subject, is_taken=False, reason=reason))


def _licence(offer: Offer, campaign: Campaign, visit: Visit) -> tuple[str, int | None]:
    """Return why an offer may not be shown ("" when it may), and the licence under which it is.

    A place that is known too vaguely for the licences of its country is an unknown one.
    """
    if not offer.needs_licence:
        return "", None
    country, region, city = visit.place[:3]
    is_vague = country is None
    if country is not None:
        today = visit.milliseconds // _DAY_MS
        small_city = city.casefold() if city is not None else None
        for licence in offer.licences.get(country, ()):
            if not licence.first_day <= today <= licence.last_day:
                continue
            # Whatever is known of the place has to fit, before what is not known makes it vague.
            if region is not None and licence.region and licence.region != region:
                continue
            if small_city is not None and licence.city and licence.city != small_city:
                continue
            if (licence.region and region is None) or (licence.city and city is None):
                is_vague = True
            else:
                return "", licence.id
    if not is_vague:
        return "elsewhere", None
    return ("", None) if campaign.allows_unknown_place else ("unknown_place", None)


def _gravest(refusals: set[str]) -> str:
    """Return the one reason to name where several offers had theirs; without any, no offer has a weight."""
    return next((refusal for refusal in ("elsewhere", "unknown_place", "capped") if refusal in refusals), "broken")
