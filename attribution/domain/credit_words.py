"""Credit in plain words: why somebody has it, and what a rule's terms are."""

from datetime import timedelta

from attribution.domain.credit_rules import BUILT_IN
from attribution.models import Channel, CreditOutcome, CreditRule

_DAY = timedelta(days=1)
_CHOSEN = {
    CreditRule.LaterTouch.LATEST: "Of several, the latest touch of the strongest channel is credited",
    CreditRule.LaterTouch.FIRST_PARTNER: "The partner who was first keeps the player",
    CreditRule.LaterTouch.EARLIEST: "Of several, the earliest touch of the strongest channel is credited",
}
_CREDITED = {
    CreditOutcome.CLICK: "His click is credited",
    CreditOutcome.INSTALL: "The click that led to his app's install is credited",
    CreditOutcome.VIEW: "The advertisement that he was shown is credited",
    CreditOutcome.PROMO_CODE: "The promo code that he gave is credited",
    CreditOutcome.PARTNER_TAG: "The partner whose tag the platform sent is credited",
}


def reason_in_words(outcome: str, *, rule: CreditRule, window: timedelta | None, others: int) -> str:
    """Return in a sentence or two why a touch is credited, or why none is."""
    if outcome not in _CREDITED:
        return f"{CreditOutcome(outcome).label}: nobody is credited, by {rule_in_words(rule)}."
    reason = _CREDITED[CreditOutcome(outcome)]
    if window is not None:
        reason += f": it lies within {span_in_words(window)}"
    if others:
        reason += f". {_CHOSEN[CreditRule.LaterTouch(rule.later_touch)]}"
    return f"{reason}, by {rule_in_words(rule)}."


def rule_in_words(rule: CreditRule) -> str:
    """Return how a rule is called in a sentence."""
    if rule is BUILT_IN:
        return "the terms that hold where no rule was made"
    if not rule.version:  # a draft that is previewed
        return "these terms"
    if rule.campaign is not None:
        return f"version {rule.version} of the campaign {rule.campaign}'s rule"
    if rule.brand is not None:
        return f"version {rule.version} of the brand {rule.brand}'s rule"
    return f"version {rule.version} of the default rule"


def terms_in_words(rule: CreditRule) -> dict[str, str]:
    """Return a rule's terms for people, by what they are about."""
    channels = " › ".join(Channel(channel).label for channel in rule.channels)
    life = "for the player's life"
    pause = rule.reengagement_days
    return {
        "Click to registration": span_in_words(timedelta(hours=rule.click_hours)),
        "Click to install": span_in_words(timedelta(hours=rule.install_hours)),
        "View to registration": span_in_words(timedelta(hours=rule.view_hours)),
        "Registration to deposit": span_in_words(timedelta(days=rule.deposit_days)) if rule.deposit_days else life,
        "Channels, strongest first": channels,
        "Several touches": rule.get_later_touch_display(),
        "First partner is protected": f"for the last {rule.protected_seconds} s" if rule.protected_seconds else "no",
        "Same visitor's other touches": "credited" if rule.credits_same_visitor else "shown only",
        "Re-engagement": f"after {pause} days without a deposit" if pause else "not shown",
    }


def span_in_words(span: timedelta) -> str:
    """Return a length of time in its largest whole units, such as "30 days" or "36 hours"."""
    for unit, name in ((_DAY, "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if span >= unit and span % unit == timedelta(0):
            return _counted(span // unit, name)
    return _counted(round(span.total_seconds()), "second")


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
