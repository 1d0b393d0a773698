"""The Celery app: it carries hints to work, the work itself is rows in Postgres."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")

app = Celery("tracker")
app.config_from_object(settings.CELERY)
app.autodiscover_tasks()
app.set_default()
