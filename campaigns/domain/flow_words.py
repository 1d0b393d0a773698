"""A campaign's flows in the order in which they are tried, each in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.models import Campaign, Flow, FlowFilter

_ORDER = {Flow.Kind.FORCED: 0, Flow.Kind.REGULAR: 1, Flow.Kind.DEFAULT: 2}
_SHORT_KIND = {Flow.Kind.FORCED: "Forced", Flow.Kind.REGULAR: "Regular", Flow.Kind.DEFAULT: "Default"}
_MOST_VALUES = 6


@dataclass(frozen=True, kw_only=True)
class FlowInWords:
    """One line of a campaign's table of flows."""

    flow: Flow
    kind: str
    takes: str
    leads_to: str
    weight: str


def flows_in_words(campaign: Campaign) -> list[FlowInWords]:
    """Return the campaign's flows as visitors meet them: forced, regular, default, each by position."""
    rows = (
        Flow.objects.filter(campaign=campaign)
        .select_related("campaign__offer")
        .prefetch_related("filters", "flow_offers__offer", "flow_landing_pages__landing_page")
    )
    by_weight = campaign.flow_choice == Campaign.FlowChoice.WEIGHT
    ordered = sorted(rows, key=lambda flow: (_ORDER[Flow.Kind(flow.kind)], flow.position, flow.pk))
    return [
        FlowInWords(
            flow=flow,
            kind=_SHORT_KIND[Flow.Kind(flow.kind)],
            takes=who_it_takes(flow, list(flow.filters.all())),
            leads_to=where_it_leads(flow),
            weight=str(flow.weight) if by_weight and flow.kind == Flow.Kind.REGULAR else "",
        )
        for flow in ordered
    ]


def who_it_takes(flow: Flow, filters: Sequence[FlowFilter]) -> str:
    """Say whom a flow takes, such as “Country is MT or FI, and OS version is >=16”."""
    if flow.kind == Flow.Kind.DEFAULT and not filters:
        return "Everybody whom no other flow took"
    if not filters:
        return "Everybody"
    joined = ", and " if flow.matches == Flow.Match.ALL else ", or "
    return joined.join(filter_in_words(row) for row in sorted(filters, key=lambda row: row.pk))


def filter_in_words(row: FlowFilter) -> str:
    """Say what a filter asks, such as “Country is not MT”."""
    shown = list(row.values[:_MOST_VALUES])
    left = len(row.values) - len(shown)
    words = shown + ([f"{left} more"] if left else [])
    listed = words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]
    return f"{row.get_field_display()} {row.get_operator_display()} {listed}"


def where_it_leads(flow: Flow) -> str:
    """Say where a flow sends its visitors, with shares where there is a choice."""
    if flow.action == Flow.Action.PAUSED_PAGE:
        return "A page: the offer is taking a break"
    if flow.action == Flow.Action.NOTHING:
        return "Nowhere: a short page"
    own = flow.campaign.offer
    offers = _shares([(row.offer.name, row.weight) for row in _by_position(flow)])
    pages = _shares(sorted((row.landing_page.name, row.weight) for row in flow.flow_landing_pages.all()))
    if not offers and own is None:
        return "Nowhere yet: it has no offer"
    offers = offers or f"{own}, the campaign's own offer"
    return f"{pages} → {offers}" if pages else offers


def next_position(campaign: Campaign) -> int:
    """Return the position after the last flow's."""
    last = Flow.objects.filter(campaign=campaign).order_by("-position").values_list("position", flat=True).first()
    return (last or 0) + 1


def _by_position(flow: Flow) -> list[Any]:
    return sorted(flow.flow_offers.all(), key=lambda row: (row.position, row.pk))


def _shares(rows: Sequence[tuple[str, int]]) -> str:
    if len(rows) == 1:
        return rows[0][0]
    total = sum(weight for _, weight in rows)
    return ", ".join(f"{name} {weight * 100 / total:.0f} %" if total else f"{name} 0 %" for name, weight in rows)
