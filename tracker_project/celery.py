"""The Celery app: it carries hints to work, the work itself is rows in Postgres."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun
from django.conf import settings
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")

app = Celery("tracker")
app.config_from_object(settings.CELERY)
app.autodiscover_tasks()
app.set_default()
# Celery would close the whole pool of connections around each task: to open one takes longer than most tasks do.
app.conf.CELERY_DB_REUSE_MAX = 10**9


@task_prerun.connect
@task_postrun.connect
def give_connections_back(**kwargs: Any) -> None:
    close_old_connections()
