"""The web process: admin and webhooks."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")

from tracker_project.celery import app

application = get_wsgi_application()

__all__ = ["app", "application"]
