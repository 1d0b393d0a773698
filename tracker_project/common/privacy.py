"""Where the law wants to be asked before a person's data is used for advertising or kept in his browser."""

# The European Economic Area with the EU's own territories that have codes of their own, the United Kingdom (also by
# its other code) and Switzerland: silence about consent is a refusal there.
CONSENT_COUNTRIES = frozenset(
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
    " AX GF GP MF MQ RE YT IS LI NO GB UK EL CH".split()
)


def is_allowed(consent: bool | None, country: str | None) -> bool:
    """Tell what a word on consent means for a visitor from a country: silence, and an unknown country, refuse."""
    if consent is not None:
        return consent
    return bool(country) and country not in CONSENT_COUNTRIES
