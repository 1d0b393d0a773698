"""Triggers of the new routing tables, and what an active campaign needs; offers that exist need no licence yet."""

from django.db import migrations

ROUTING_TABLES = [
    "source_parameters",
    "landing_pages",
    "flows",
    "flow_filters",
    "flow_offers",
    "flow_landing_pages",
    "scenarios",
    "scenarios_campaigns",
    "caps",
    "licences",
    "tracking_domains",
    "exchange_rates",
]

RAISE_VERSION = "".join(
    f"""
CREATE TRIGGER raise_routing_version AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION raise_routing_version();
"""
    for table in ROUTING_TABLES
)
DROP_VERSION = "".join(f"DROP TRIGGER raise_routing_version ON {table};" for table in ROUTING_TABLES)

# Deferred: a form saves a campaign before its flows.
LEADS_SOMEWHERE = """
CREATE FUNCTION campaign_leads_somewhere() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wanted bigint;
BEGIN
    IF TG_TABLE_NAME = 'campaigns' THEN
        wanted := NEW.id;
    ELSIF TG_TABLE_NAME = 'flows' THEN
        wanted := OLD.campaign_id;
    ELSE
        SELECT campaign_id INTO wanted FROM flows WHERE id = OLD.flow_id;
    END IF;
    IF EXISTS (
        SELECT FROM campaigns WHERE id = wanted AND status = 'active' AND offer_id IS NULL
    ) AND NOT EXISTS (
        SELECT FROM flows WHERE campaign_id = wanted AND is_active
            AND (action <> 'offers' OR EXISTS (SELECT FROM flow_offers WHERE flow_id = flows.id))
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'active_campaign_leads_somewhere',
            MESSAGE = format('campaign %s is active but has neither an offer nor a flow that leads anywhere', wanted);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER active_campaign_leads_somewhere AFTER INSERT OR UPDATE ON campaigns
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION campaign_leads_somewhere();
CREATE CONSTRAINT TRIGGER active_campaign_leads_somewhere AFTER UPDATE OR DELETE ON flows
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION campaign_leads_somewhere();
CREATE CONSTRAINT TRIGGER active_campaign_leads_somewhere AFTER UPDATE OR DELETE ON flow_offers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION campaign_leads_somewhere();
"""
DROP_LEADS_SOMEWHERE = (
    "".join(
        f"DROP TRIGGER active_campaign_leads_somewhere ON {table};" for table in ("campaigns", "flows", "flow_offers")
    )
    + "DROP FUNCTION campaign_leads_somewhere();"
)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_expand_routing")]

    operations = [
        migrations.RunSQL("UPDATE offers SET is_licensed_only = false", migrations.RunSQL.noop),
        migrations.RunSQL(RAISE_VERSION, DROP_VERSION),
        migrations.RunSQL(LEADS_SOMEWHERE, DROP_LEADS_SOMEWHERE),
    ]
