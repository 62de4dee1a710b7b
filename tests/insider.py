"""Run the commands of manage.py that `tests.servers` asks for, one after another.

Starting Django takes longer than most of what the tests want done inside a site. Reads
the arguments of a command as a line of JSON; answers with another, of what it printed
and whether it went well.
"""

import json
import os
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import django
from django.core.management import call_command
from django.db import connections


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic_site.settings")
    django.setup()
    answers = sys.stdout
    for line in sys.stdin:
        printed = StringIO()
        went_well = True
        with redirect_stdout(printed), redirect_stderr(printed):
            try:
                call_command(*json.loads(line))
            except Exception:
                went_well = False
                traceback.print_exc()
        # As where a process ends with its command: nothing stays locked or open.
        connections.close_all()
        print(json.dumps([went_well, printed.getvalue()]), file=answers, flush=True)


if __name__ == "__main__":
    main()
