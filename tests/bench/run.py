"""Measure booking on the database DATABASE_URL, which has to be there and empty.

Variables: VISITS, the sizes of the diary, none to leave booking out; REPEATS of what is
read; REQUESTS that are written; CONNECTIONS that write at a time; CHECKED, the largest
diary that has all its history and is given to the check of all records; STAFF, the two
sizes at which the pages of the staff are compared, none to leave them out; LOOKS at
each of those pages.
"""

import atexit
import os
import shutil

from tests import plugin


def settings_of_the_tests() -> None:
    """Do what `tests.plugin` does for pytest, but keep the database."""
    own = os.environ["DATABASE_URL"]
    atexit.register(shutil.rmtree, plugin.FOLDER, ignore_errors=True)
    (plugin.FOLDER / "static").mkdir(parents=True)
    os.environ.update(plugin.ENVIRONMENT | {"DATABASE_URL": own})
    os.environ["DJANGO_SETTINGS_MODULE"] = "clinic_site.settings"
    os.environ["LOG_LEVEL"] = "WARNING"
    # The patients of the bench come from many addresses.
    os.environ["TRUSTED_PROXIES"] = "1"


if __name__ == "__main__":  # and not in the processes that it starts
    settings_of_the_tests()
    import django

    django.setup()
    from .measures import main

    main()
