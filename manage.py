#!/usr/bin/env python
"""Django's command line for the tracker."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
    from django.core.management import execute_from_command_line

    import tracker_project.celery  # noqa: F401  (commands that write rows send hints too)

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
