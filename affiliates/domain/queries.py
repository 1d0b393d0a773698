"""What is asked of the ledger: what partners are owed, and which commissions make it up."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import QuerySet, Sum

from affiliates.models import Commission, LedgerAccount, LedgerEntry, PartnerAccount


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What a partner is owed in one currency; below zero he owes it to us."""

    partner_account: PartnerAccount
    currency: str
    owed: Decimal


def partner_balances() -> list[Balance]:
    """Return what each partner is owed by currency, summed up from the ledger's entries, in order of legal name."""
    accounts = (
        LedgerAccount.objects.filter(kind=LedgerAccount.Kind.PARTNER_PAYABLE)
        .select_related("partner_account__partner")
        .annotate(balance=Sum("entries__amount", default=Decimal(0)))
        .order_by("partner_account__legal_name", "currency")
    )
    return [
        Balance(partner_account=account.partner_account, currency=account.currency, owed=-account.balance)
        for account in accounts
        if account.partner_account is not None
    ]


def owed_to(partner_account: PartnerAccount, *, currency: str) -> Decimal:
    """Return what one partner is owed in a currency."""
    entries = LedgerEntry.objects.filter(account__partner_account=partner_account, account__currency=currency)
    total: Decimal = entries.aggregate(total=Sum("amount", default=Decimal(0)))["total"]
    return -total


def commissions_between(starts_at: datetime | None, ends_at: datetime | None) -> "QuerySet[Commission]":
    """Return the commissions booked in the half-open period, reversed ones too; None leaves that end open."""
    commissions = Commission.objects.all()
    if starts_at is not None:
        commissions = commissions.filter(booked_at__gte=starts_at)
    if ends_at is not None:
        commissions = commissions.filter(booked_at__lt=ends_at)
    return commissions


def payable_commissions(partner_account: PartnerAccount, *, on: date) -> "QuerySet[Commission]":
    """Return a partner's live commissions whose hold is over on a UTC day."""
    return partner_account.commissions.filter(reversed_at__isnull=True, payable_on__lte=on)
