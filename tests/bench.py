"""Run `manage.py bench` on SQLite and, where its programs are, on PostgreSQL."""

import os
import subprocess
import sys

from . import plugin
from .postgres import Cluster, binary


def bench(database_url: str = "sqlite:///:memory:") -> None:
    subprocess.run(
        [sys.executable, "manage.py", "bench"],
        check=True, cwd=plugin.ROOT,
        env=os.environ | plugin.ENVIRONMENT | {"DATABASE_URL": database_url},
    )  # fmt: skip


bench()
try:
    binary("postgres")
except RuntimeError as missing:
    sys.stdout.write(f"{missing}\n")
else:
    bench(Cluster().url())
