"""Who reports events, what was reported, who is credited and told, and what Apple tells."""

from conversions.admin import (
    api_keys,
    app_postbacks,
    credit,
    credit_rules,
    day_reports,
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
    source_health,
)

__all__ = [
    "api_keys",
    "app_postbacks",
    "credit",
    "credit_rules",
    "day_reports",
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
    "source_health",
]
