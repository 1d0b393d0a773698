"""Who reports events, what was reported, who is credited and told, and what Apple tells."""

from conversions.admin import (
    api_keys,
    app_postbacks,
    credit,
    credit_rules,
    destinations,
    endpoints,
    exchange_rates,
    facts,
    import_rows,
    imports,
    intake,
    players,
    postbacks,
    report_pulls,
)

__all__ = [
    "api_keys",
    "app_postbacks",
    "credit",
    "credit_rules",
    "destinations",
    "endpoints",
    "exchange_rates",
    "facts",
    "import_rows",
    "imports",
    "intake",
    "players",
    "postbacks",
    "report_pulls",
]
