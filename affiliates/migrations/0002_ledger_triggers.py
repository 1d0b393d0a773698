"""Triggers: the ledger only grows and always balances; agreed terms stay as they were agreed."""

from django.db import migrations

# Entries are in their account's currency: the pair is a foreign key.
ENTRY_CURRENCY = """
ALTER TABLE ledger_entries ADD CONSTRAINT ledger_entry_is_in_its_accounts_currency
    FOREIGN KEY (account_id, currency) REFERENCES ledger_accounts (id, currency);
"""
DROP_ENTRY_CURRENCY = "ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entry_is_in_its_accounts_currency;"

APPEND_ONLY_TABLES = ["ledger_transfers", "ledger_entries"]

APPEND_ONLY = """
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: the ledger only grows, a correction is a new transfer', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_only_grows';
END $$;
""" + "".join(
    f"""
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
"""
    for table in APPEND_ONLY_TABLES
)
DROP_APPEND_ONLY = "".join(
    f"DROP TRIGGER refuse_truncate ON {table}; DROP TRIGGER refuse_change ON {table};" for table in APPEND_ONLY_TABLES
) + ("DROP FUNCTION refuse_ledger_change();")

# Checked at commit, when a transfer has all its entries.
BALANCED = """
CREATE FUNCTION check_ledger_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked bigint;
    original bigint;
BEGIN
    IF TG_TABLE_NAME = 'ledger_entries' THEN
        checked := NEW.transfer_id;
    ELSE
        checked := NEW.id;
    END IF;
    IF (SELECT count(*) FROM ledger_entries WHERE transfer_id = checked) < 2 THEN
        RAISE EXCEPTION 'ledger transfer % has fewer than two entries', checked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_has_two_entries';
    END IF;
    IF EXISTS (SELECT FROM ledger_entries WHERE transfer_id = checked GROUP BY currency HAVING sum(amount) <> 0) THEN
        RAISE EXCEPTION 'the entries of ledger transfer % do not sum to zero', checked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_sums_to_zero';
    END IF;
    SELECT coalesce(reverses_id, id) INTO original FROM ledger_transfers WHERE id = checked;
    IF EXISTS (SELECT FROM ledger_transfers reversal JOIN ledger_transfers reversed ON reversed.id = reversal.reverses_id
               WHERE reversal.reverses_id = original
                 AND (reversed.kind <> 'commission' OR reversed.commission_id <> reversal.commission_id))
        OR EXISTS (SELECT FROM ledger_transfers WHERE reverses_id = original) AND EXISTS (
            SELECT FROM ledger_entries entry JOIN ledger_transfers transfer ON transfer.id = entry.transfer_id
            WHERE transfer.id = original OR transfer.reverses_id = original
            GROUP BY entry.account_id HAVING sum(entry.amount) <> 0)
    THEN
        RAISE EXCEPTION 'ledger transfer % and its reversal do not cancel out', original
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reversal_mirrors_its_original';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER check_transfer AFTER INSERT ON ledger_transfers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_transfer();
CREATE CONSTRAINT TRIGGER check_transfer AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_transfer();
"""
DROP_BALANCED = """
DROP TRIGGER check_transfer ON ledger_entries;
DROP TRIGGER check_transfer ON ledger_transfers;
DROP FUNCTION check_ledger_transfer();
"""

# A commission and its transfers say the same: also checked at commit, whichever was written.
BOOKED = """
CREATE FUNCTION check_commission_booking() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked bigint;
BEGIN
    IF TG_TABLE_NAME = 'commissions' THEN
        checked := NEW.id;
    ELSE
        checked := NEW.commission_id;
    END IF;
    IF NOT EXISTS (SELECT FROM ledger_transfers WHERE commission_id = checked AND kind = 'commission')
        OR EXISTS (SELECT FROM ledger_transfers WHERE commission_id = checked AND kind = 'reversal')
            IS DISTINCT FROM (SELECT reversed_at IS NOT NULL FROM commissions WHERE id = checked)
    THEN
        RAISE EXCEPTION 'commission % and its ledger transfers do not agree', checked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'commission_agrees_with_its_transfers';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER check_booking AFTER INSERT OR UPDATE ON commissions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_commission_booking();
CREATE CONSTRAINT TRIGGER check_booking AFTER INSERT ON ledger_transfers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_commission_booking();
"""
DROP_BOOKED = """
DROP TRIGGER check_booking ON ledger_transfers;
DROP TRIGGER check_booking ON commissions;
DROP FUNCTION check_commission_booking();
"""

COMMISSION_TERMS = """
CREATE FUNCTION keep_commission_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.reversed_at IS NOT NULL
        OR to_jsonb(NEW) - 'reversed_at' - 'reversal_reason' <> to_jsonb(OLD) - 'reversed_at' - 'reversal_reason'
    THEN
        RAISE EXCEPTION 'commission % can only be reversed, and that once', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'commission_is_only_reversed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_terms BEFORE UPDATE OR DELETE ON commissions
    FOR EACH ROW EXECUTE FUNCTION keep_commission_terms();
"""
DROP_COMMISSION_TERMS = """
DROP TRIGGER keep_terms ON commissions;
DROP FUNCTION keep_commission_terms();
"""

PLAN_TERMS = """
CREATE FUNCTION keep_plan_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.starts_at <= now() OR EXISTS (SELECT FROM commissions WHERE plan_version_id = OLD.id) THEN
        RAISE EXCEPTION 'plan version % has started or is used: new figures are a new version', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'started_plan_version_never_changes';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_version BEFORE UPDATE OR DELETE ON commission_plan_versions
    FOR EACH ROW EXECUTE FUNCTION keep_plan_version();
CREATE FUNCTION keep_plan_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM commission_plan_versions WHERE plan_id = OLD.id) THEN
        RAISE EXCEPTION 'commission plan % has versions: its currency stays, another currency is another plan', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'plan_currency_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_currency BEFORE UPDATE ON commission_plans
    FOR EACH ROW WHEN (OLD.currency <> NEW.currency) EXECUTE FUNCTION keep_plan_currency();
"""
DROP_PLAN_TERMS = """
DROP TRIGGER keep_currency ON commission_plans;
DROP FUNCTION keep_plan_currency();
DROP TRIGGER keep_version ON commission_plan_versions;
DROP FUNCTION keep_plan_version();
"""


class Migration(migrations.Migration):
    dependencies = [("affiliates", "0001_initial")]

    operations = [
        migrations.RunSQL(ENTRY_CURRENCY, DROP_ENTRY_CURRENCY),
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
        migrations.RunSQL(BALANCED, DROP_BALANCED),
        migrations.RunSQL(BOOKED, DROP_BOOKED),
        migrations.RunSQL(COMMISSION_TERMS, DROP_COMMISSION_TERMS),
        migrations.RunSQL(PLAN_TERMS, DROP_PLAN_TERMS),
    ]
