"""What holds the house together: relations run one way, like imports."""

import subprocess
import sys
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.db.models import Model

from tracker_project.celery import app as celery_app

# From the top down, as design and pyproject.toml have it.
LAYERS = ["affiliates", "analytics", "fraud", "conversions", "attribution", "campaigns", "common"]


def test_relations_point_downward_only():
    relations = {
        (
            model._meta.app_label,
            cast(type[Model], field.related_model)._meta.app_label,
            f"{model.__name__}.{field.name}",
        )
        for label in LAYERS
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.get_fields()
        if field.is_relation and field.concrete
    }

    upward = {name for app, to, name in relations if to in LAYERS and LAYERS.index(to) < LAYERS.index(app)}

    assert len(relations) > 20
    assert upward == set()


BEAT: dict[str, dict[str, Any]] = cast(Any, settings.CELERY["beat_schedule"])


def test_every_hint_and_beat_entry_names_a_task_that_exists():
    celery_app.loader.import_default_modules()
    named = {*settings.WORK_HINTS.values(), *(entry["task"] for entry in BEAT.values())}

    assert named - set(celery_app.tasks) == set()


def test_clicks_have_no_foreign_key_in_or_out_that_the_database_holds():
    click = apps.get_model("attribution", "Click")

    held = [field.name for field in click._meta.get_fields() if getattr(field, "db_constraint", False)]

    assert held == []
    assert list(click._meta.related_objects) == []


def test_the_click_edge_imports_neither_celery_nor_the_admin_nor_the_orm():
    program = (
        "import sys, attribution.edge.app as edge; edge._configuration_from_environment(); "
        "print([name for name in ('celery', 'rest_framework', 'django.contrib.admin', 'django.db.models') "
        "if name in sys.modules])"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.splitlines()[-1] == "[]"
