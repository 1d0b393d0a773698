"""Who reports events, what was reported, who is told, and what Apple tells."""

from conversions.admin import (
    api_keys,
    app_postbacks,
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
