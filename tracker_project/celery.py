"""The Celery app: it carries hints to work, the work itself is rows in Postgres."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")

app = Celery("tracker")
app.config_from_object("django.conf:settings.CELERY")
app.autodiscover_tasks()
app.set_default()
