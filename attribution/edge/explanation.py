"""Why a flow or an offer did not take a visit, in a buyer's words."""

from collections.abc import Sequence

from attribution.edge.routes import Campaign, Offer, Question
from attribution.edge.usage import Budget
from attribution.edge.visit import Visit
from campaigns.domain.filters import WEEKDAYS

WEIGHS_NOTHING = "It has weight 0: it keeps its visitors and gets no new ones."
_LABELS = {"os": "OS", "os_version": "OS version", "isp": "ISP", "asn": "AS number"}
_MOST_VALUES = 6
# What stands in a URL or a header is there or not; of all else one only knows or does not.
_SENT = ("keyword", "placement", "referrer", "platform_click_id", "sub_id_")
_FLAGS = {
    "unique": ("unique visitors", "visitors who are not unique", "this click is unique", "this click is not unique"),
    "bot": ("bots", "people", "the visitor is a bot", "the visitor is a person"),
}


def why_filters_refuse(questions: Sequence[Question], *, any_is_enough: bool, visit: Visit, campaign: Campaign) -> str:
    """Return what the questions asked that the visit does not meet."""
    beginning = "One of its filters would be enough, and none is met. " if any_is_enough and len(questions) > 1 else ""
    return f"{beginning}It asks {'; '.join(_unmet(question, visit, campaign) for question in questions)}."


def why_offer_refuses(refusal: str, offer: Offer, visit: Visit) -> str:
    """Return what a refusal (an outcome of clicks) means for an offer."""
    place = visit.place
    if refusal == "elsewhere":
        known = [part for part in (place.city, place.full_region or place.country) if part]
        return f"None of its licences covers {', '.join(known)} today."
    if refusal == "unknown_place" and place.country is None:
        return "It needs a licence for the visitor's country, and that is not known."
    if refusal == "unknown_place":
        return f"Its licences cover only a part of {place.country}, and whether the visitor is there is not known."
    alternative = "its alternative is asked" if offer.alternative_id else "it has no alternative"
    return f"A cap of the offer is reached; {alternative}."


def why_budget_refuses(budget: Budget) -> str:
    if budget.is_even:
        return "As much of the day's budget is spent as even pacing allows by now."
    return "The day's budget is spent."


def _unmet(question: Question, visit: Visit, campaign: Campaign) -> str:
    field, answer = question.row.field, question.ask(visit, campaign)
    if field in _FLAGS and len(set(question.row.values)) == 1:
        asked_yes, asked_no, is_so, is_not_so = _FLAGS[field]
        return f"for {asked_no if answer else asked_yes}, but {is_so if answer else is_not_so}"
    label = _LABELS.get(field, field.replace("_", " "))
    return f"that {label} {_asked(question)}, but {_found(field, answer, campaign)}"


def _asked(question: Question) -> str:
    values = question.row.values
    shown = [*values[:_MOST_VALUES], *([f"{len(values) - _MOST_VALUES} others"] if len(values) > _MOST_VALUES else [])]
    if len(shown) == 1:
        return f"is {'not ' * question.is_negated}{shown[0]}"
    either, joint = ("is neither", "nor") if question.is_negated else ("is", "or")
    return f"{either} {', '.join(shown[:-1])} {joint} {shown[-1]}"


def _found(field: str, answer: object, campaign: Campaign) -> str:
    if field in ("weekday", "hour"):
        shown = WEEKDAYS[answer] if field == "weekday" and isinstance(answer, int) else answer
        return f"it is {shown} (campaign's time zone: {campaign.zone.name})"
    if isinstance(answer, frozenset):
        names = ", ".join(sorted(answer)) or "none"
        return f"{names} runs now" if field == "scenario" else f"the visitor has {names}"
    if answer is None or answer == "":
        return "the visitor has none" if field.startswith(_SENT) else "this is not known"
    if isinstance(answer, bool):
        return f"the visitor's is {'yes' if answer else 'no'}"
    return f"the visitor has {answer}"
