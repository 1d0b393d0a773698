"""What events may be called on an advertising platform's side: nothing that tells of a person's money or health."""

import re
from itertools import pairwise

from django.core.exceptions import ValidationError

# What tells of a person's finances or health; platforms forbid it in whatever is sent to them.
_PERSONAL_WORDS = frozenset(
    """whale vip roller highroller bigspender spender rich wealthy wealth poor income salary debt credit loan bankrupt
    bankruptcy broke insolvent loser loss losses losing lost chasing addict addicted addiction problem compulsive
    health illness disease medical depression pregnant therapy selfexcluded excluded exclusion""".split()
)
# What tells of his gambling: no word for the name of an event.
_GAMBLING_WORDS = frozenset("gambler gambling gamble casino betting bettor wager bonusabuse abuser abuse fraud".split())
_PERSONAL_PAIRS = frozenset(
    {("high", "roller"), ("high", "value"), ("big", "spender"), ("self", "excluded"), ("net", "worth")}
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ .-]*", re.ASCII)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def validate_event_name(name: str) -> None:
    """Refuse a name that no platform takes, or that says something of a person's finances, health or gambling."""
    if not _NAME.fullmatch(name):
        raise ValidationError("A name begins with a letter; letters, digits, blanks, _ . and - follow.", code="name")
    refuse_telling_text(name, _PERSONAL_WORDS | _GAMBLING_WORDS)


def refuse_telling_text(text: str, telling: frozenset[str] = _PERSONAL_WORDS) -> None:
    """Raise `ValidationError` when a word of `text` tells of a person's finances or health."""
    words = [word.lower() for word in _WORD.findall(text)]
    found = [word for word in [*words, "".join(words)] if word in telling or word.removesuffix("s") in telling]
    found += [" ".join(pair) for pair in pairwise(words) if pair in _PERSONAL_PAIRS]
    if found:
        raise ValidationError(
            f"“{found[0]}” tells of a person's finances, health or gambling, and platforms forbid that: "
            "name what was done, such as Purchase or CompleteRegistration.",
            code="telling",
        )
