"""Django's command line, ``manage.py`` in a checkout, ``licsync`` where the wheel is installed."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licsync.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - reads settings

    execute_from_command_line(sys.argv)
