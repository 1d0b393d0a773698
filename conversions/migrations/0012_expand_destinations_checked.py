from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    """Checks the rows that were there before the constraints, and builds an index, without stopping who writes."""

    atomic = False

    dependencies = [
        ("conversions", "0010_expand_destinations_reach"),
    ]

    operations = [
        ValidateConstraint(model_name="install", name="install_says_known_words_of_its_app"),
        ValidateConstraint(model_name="player", name="att_status_is_of_an_app"),
        ValidateConstraint(model_name="postback", name="predicted_value_has_its_currency"),
        AddIndexConcurrently(
            model_name="install",
            index=models.Index(
                condition=models.Q(("click_uuid__isnull", False)),
                fields=["platform", "click_uuid"],
                name="installs_by_click",
            ),
        ),
    ]
