"""Triggers: whatever changes the routing tables raises the version that edges watch, and keeps a link's terms."""

from django.db import migrations

ROUTING_TABLES = ["traffic_sources", "partners", "offers", "campaigns", "creatives", "tracking_links"]

RAISE_VERSION = """
CREATE FUNCTION raise_routing_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO routing_version (id, version) VALUES (1, 1)
        ON CONFLICT (id) DO UPDATE SET version = routing_version.version + 1;
    NOTIFY routing_version;
    RETURN NULL;
END $$;
""" + "".join(
    f"""
CREATE TRIGGER raise_routing_version AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION raise_routing_version();
"""
    for table in ROUTING_TABLES
)

DROP_VERSION = "".join(f"DROP TRIGGER raise_routing_version ON {table};" for table in ROUTING_TABLES) + (
    "DROP FUNCTION raise_routing_version();"
)

KEEP_TERMS = """
CREATE FUNCTION keep_link_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO link_terms (link_id, campaign_id, creative_id, partner_id, starts_at)
        VALUES (NEW.id, NEW.campaign_id, NEW.creative_id, NEW.partner_id, clock_timestamp());
    RETURN NULL;
END $$;
CREATE TRIGGER keep_first_link_terms AFTER INSERT ON tracking_links
    FOR EACH ROW EXECUTE FUNCTION keep_link_terms();
CREATE TRIGGER keep_changed_link_terms AFTER UPDATE ON tracking_links
    FOR EACH ROW WHEN ((OLD.campaign_id, OLD.creative_id, OLD.partner_id)
        IS DISTINCT FROM (NEW.campaign_id, NEW.creative_id, NEW.partner_id))
    EXECUTE FUNCTION keep_link_terms();
"""

DROP_TERMS = """
DROP TRIGGER keep_changed_link_terms ON tracking_links;
DROP TRIGGER keep_first_link_terms ON tracking_links;
DROP FUNCTION keep_link_terms();
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]

    operations = [
        migrations.RunSQL(RAISE_VERSION, DROP_VERSION),
        migrations.RunSQL(KEEP_TERMS, DROP_TERMS),
    ]
