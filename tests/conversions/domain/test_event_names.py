"""Names of events that platforms may be told, and those that tell too much of a person."""

import pytest
from django.core.exceptions import ValidationError

from conversions.domain.event_names import validate_event_name


@pytest.mark.parametrize(
    "name",
    [
        "Purchase",
        "CompleteRegistration",
        "FirstDeposit",
        "af_purchase",
        "Add Payment Info",
        "QualifiedLead",
        "D7.step-2",
    ],
)
def test_validate_event_name_takes_what_says_what_was_done(name):
    validate_event_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "whale", "Whale", "Whales", "WhaleDeposit", "big_whale", "high roller", "HighRoller", "high_roller",
        "highroller", "VIP", "VipDeposit", "high_value_player", "BigSpender", "bonus abuse", "BonusAbuse", "loss",
        "LossesToday", "ProblemGambler", "casino_deposit", "self_excluded", "SelfExcluded", "Bankrupt", "net worth",
        "addiction", "credit_score",
    ],
)  # fmt: skip
def test_validate_event_name_refuses_what_tells_of_money_health_or_gambling(name):
    with pytest.raises(ValidationError, match="finances, health or gambling"):
        validate_event_name(name)


@pytest.mark.parametrize("name", ["1st", "", "a\nb", "<b>", "ä", "{event}"])
def test_validate_event_name_refuses_what_is_no_name(name):
    with pytest.raises(ValidationError, match="begins with a letter"):
        validate_event_name(name)
