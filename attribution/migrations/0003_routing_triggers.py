"""Who counts as a visitor is routed by as well: changes raise the version that edges watch."""

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


class Migration(migrations.Migration):
    dependencies = [("attribution", "0002_expand_clicks"), ("campaigns", "0004_routing_rules")]

    operations = [migrations.RunSQL(RAISE_VERSION, DROP_VERSION)]
