"""Who counts as a visitor is routed by as well, and what clicks have cost so far counts against budgets."""

from django.db import migrations

ROUTING_TABLES = ["bot_rules", "staff_networks"]

RAISE_VERSION = "".join(
    f"""
CREATE TRIGGER raise_routing_version AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION raise_routing_version();
"""
    for table in ROUTING_TABLES
)
DROP_VERSION = "".join(f"DROP TRIGGER raise_routing_version ON {table};" for table in ROUTING_TABLES)

# A click's time is in the first 48 bits of its id; what has no cost adds nothing.
FILL_SPENDS = """
INSERT INTO campaign_spends (campaign_id, day, counter, amount)
SELECT click.campaign_id,
       (to_timestamp(('x' || left(replace(click.id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
           AT TIME ZONE campaign.time_zone)::date,
       'before', sum(click.cost)
FROM clicks click JOIN campaigns campaign ON campaign.id = click.campaign_id
WHERE click.cost > 0 AND click.kind = 'click'
GROUP BY 1, 2
"""
EMPTY_SPENDS = "DELETE FROM campaign_spends WHERE counter = 'before'"


class Migration(migrations.Migration):
    dependencies = [("attribution", "0002_expand_clicks"), ("campaigns", "0004_routing_rules")]

    operations = [
        migrations.RunSQL(RAISE_VERSION, DROP_VERSION),
        migrations.RunSQL(FILL_SPENDS, EMPTY_SPENDS),
    ]
