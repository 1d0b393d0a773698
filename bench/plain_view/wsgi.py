"""Entry point of the project with the plain view."""

import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.plain_view.settings"
application = get_wsgi_application()
