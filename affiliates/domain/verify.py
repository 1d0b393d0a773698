"""Recompute the ledger from its rows and say where anything differs: the proof that finance can run."""

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, kw_only=True)
class Check:
    """A query for what must not be, and the sentence that each of its rows makes."""

    sql: str
    sentence: str


CHECKS = [
    Check(
        sql="""
            SELECT transfer.id, count(entry.id)
            FROM ledger_transfers transfer LEFT JOIN ledger_entries entry ON entry.transfer_id = transfer.id
            GROUP BY transfer.id HAVING count(entry.id) < 2 ORDER BY 1
        """,
        sentence="Transfer {} has {} of at least 2 entries.",
    ),
    Check(
        sql="""
            SELECT transfer_id, trim_scale(sum(amount)), currency
            FROM ledger_entries GROUP BY transfer_id, currency HAVING sum(amount) <> 0 ORDER BY 1, 3
        """,
        sentence="The entries of transfer {} sum to {} {}, not to zero.",
    ),
    Check(
        sql="""
            SELECT entry.id, entry.currency, account.currency
            FROM ledger_entries entry JOIN ledger_accounts account ON account.id = entry.account_id
            WHERE entry.currency <> account.currency ORDER BY 1
        """,
        sentence="Entry {} is in {} on an account in {}.",
    ),
    Check(
        sql="""
            SELECT reversal.id, original.id
            FROM ledger_transfers reversal JOIN ledger_transfers original ON original.id = reversal.reverses_id
            WHERE original.kind <> 'commission' OR original.commission_id <> reversal.commission_id ORDER BY 1
        """,
        sentence="Transfer {} reverses transfer {}, which does not book the same commission.",
    ),
    # What each commission and its reversal must have put on which account, beside what is there.
    Check(
        sql="""
            WITH owed AS (
                SELECT commission.id AS commission_id, booking.kind AS booking, side.account, side.partner_account_id,
                       commission.currency, booking.sign * side.sign * commission.amount AS amount
                FROM commissions commission
                CROSS JOIN LATERAL (VALUES ('commission', 1), ('reversal', -1)) booking (kind, sign)
                CROSS JOIN LATERAL (VALUES ('house_commission_expense', 0, 1),
                                           ('partner_payable', commission.partner_account_id, -1))
                    side (account, partner_account_id, sign)
                WHERE booking.kind = 'commission' OR commission.reversed_at IS NOT NULL
            ), booked AS (
                SELECT transfer.commission_id, transfer.kind AS booking, account.kind AS account,
                       coalesce(account.partner_account_id, 0) AS partner_account_id, entry.currency,
                       sum(entry.amount) AS amount
                FROM ledger_entries entry
                JOIN ledger_transfers transfer ON transfer.id = entry.transfer_id
                JOIN ledger_accounts account ON account.id = entry.account_id
                GROUP BY 1, 2, 3, 4, 5
            )
            SELECT commission_id, booking, account, coalesce(trim_scale(owed.amount), 0),
                   coalesce(trim_scale(booked.amount), 0), currency
            FROM owed FULL JOIN booked USING (commission_id, booking, account, partner_account_id, currency)
            WHERE owed.amount IS DISTINCT FROM booked.amount ORDER BY 1, 2, 3, 6
        """,
        sentence="Commission {}, its {} on {}: {} expected, {} found, in {}.",
    ),
    # The campaigns' cost rows are written from transfers: one each, of the same money.
    Check(
        sql="""
            SELECT transfer.id, coalesce(trim_scale(-entry.amount), 0), entry.currency,
                   coalesce(trim_scale(cost.original_amount), 0), coalesce(cost.original_currency, entry.currency)
            FROM ledger_transfers transfer
            JOIN ledger_entries entry ON entry.transfer_id = transfer.id
            JOIN ledger_accounts account ON account.id = entry.account_id AND account.kind = 'partner_payable'
            JOIN commissions commission ON commission.id = transfer.commission_id
            JOIN conversions conversion ON conversion.id = commission.conversion_id
            LEFT JOIN costs cost ON cost.reference = 'commission:' || transfer.id
            WHERE (conversion.campaign_id IS NOT NULL OR cost.id IS NOT NULL)
              AND (cost.original_amount, cost.original_currency) IS DISTINCT FROM (-entry.amount, entry.currency)
            ORDER BY 1
        """,
        sentence="Transfer {} is {} {}; its campaign counts {} {} for it.",
    ),
    Check(
        sql="""
            SELECT cost.id, cost.reference
            FROM costs cost LEFT JOIN ledger_transfers transfer ON cost.reference = 'commission:' || transfer.id
            WHERE cost.kind = 'commission' AND transfer.id IS NULL ORDER BY 1
        """,
        sentence="Cost {} stands for {}, which the ledger does not know.",
    ),
]


def ledger_differences() -> list[str]:
    """Return every difference found, one line each; an empty list is the proof.

    The database refuses most of these already; this finds what was changed with its guards off.
    """
    differences = []
    with connection.cursor() as cursor:
        for check in CHECKS:
            cursor.execute(check.sql)
            differences += [check.sentence.format(*row) for row in cursor.fetchall()]
    return differences
