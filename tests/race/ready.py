"""What clients are forked from: imported once, by a process that does nothing else."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic_site.settings")
django.setup()

# Models need Django to be set up.
from clinic_site.garbage import spare_what_is_loaded  # noqa: E402

from . import scenes  # noqa: E402, F401

# As a web process does, whose work they do here.
spare_what_is_loaded()
