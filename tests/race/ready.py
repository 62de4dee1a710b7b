"""What clients are forked from: imported once, by a process that does nothing else."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic_site.settings")
django.setup()

from . import scenes  # noqa: E402, F401 -- its models need Django to be set up
