"""Partners' accounts and terms, commission plans, and the ledger."""
