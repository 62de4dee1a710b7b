"""`make bench`: how fast booking is on SQLite and PostgreSQL, each in a new database.

Written to disk as durably as in production. What is measured, and what VISITS and the
other variables are, is in `tests.bench.run`.
"""

import os
import signal
import subprocess
import sys
import tempfile

from tests import plugin
from tests.postgres import Cluster, binary


def bench(database_url: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "tests.bench.run"],
        check=True, cwd=plugin.ROOT, env=os.environ | {"DATABASE_URL": database_url},
    )  # fmt: skip


# Asked to end, clean up as for Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)
with tempfile.TemporaryDirectory(prefix="clinic-bench-") as folder:
    bench(f"sqlite:///{folder}/db.sqlite3")
try:
    binary("postgres")
except RuntimeError as missing:
    sys.stdout.write(f"{missing}\n")
else:
    bench(Cluster(durable=True).url())
