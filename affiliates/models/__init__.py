"""Tables of partners' terms and of the money that they are owed."""

from affiliates.models.ledger import Commission, LedgerAccount, LedgerEntry, LedgerTransfer
from affiliates.models.terms import CommissionPlan, CommissionPlanVersion, PartnerAccount

__all__ = [
    "Commission",
    "CommissionPlan",
    "CommissionPlanVersion",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransfer",
    "PartnerAccount",
]
