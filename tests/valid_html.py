"""The Nu Html Checker, which the W3C and the WHATWG point to."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

# Beside the Python packages, by `make .venv/installed-checkers`.
PACKAGES = Path(sys.prefix) / "npm/node_modules"
JAR = PACKAGES / "vnu-jar/build/dist/vnu.jar"


def assert_valid_html(pages: Mapping[str, str]) -> None:
    """Fail for every error and every warning in `pages`, name to HTML.

    One run for all of them, since Java takes longer to start than to check a page.
    """
    names = dict(enumerate(pages))
    with tempfile.TemporaryDirectory() as folder:
        for number, name in names.items():
            Path(folder, f"{number}.html").write_text(pages[name])
        done = subprocess.run(
            ["java", "-jar", JAR, "--format", "json", "--exit-zero-always", folder],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"Is it installed? make .venv/installed-checkers\n{done}")
    found = json.loads(done.stderr)["messages"]
    assert not (
        faults := [
            f"{names[int(Path(message['url']).stem)]}, line {message['lastLine']}:"
            f" {message['message']}\n    {message.get('extract', '')}"
            for message in found
        ]
    ), "\n".join(faults)
