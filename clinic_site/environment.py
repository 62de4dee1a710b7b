"""Reading the environment, for settings.py and gunicorn's configuration alike.

`.env` beside manage.py (or the file ENV_FILE) fills what the environment leaves out.
An empty value counts as none.
"""

from pathlib import Path

import environ
from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
# Listening there, a server answers at each address of the machine.
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 -- to recognize it

env = environ.Env()


def wrong(name: str, hint: str) -> ImproperlyConfigured:
    """Return an error that names the variable and says how to set it."""
    return ImproperlyConfigured(
        f"{name} {hint} Every setting is explained in .env.example."
    )


def read_file() -> None:
    """Read `.env`, which may be missing, or ENV_FILE, which may not."""
    named = text("ENV_FILE", "")
    if named and (not Path(named).exists() or Path(named).is_dir()):
        raise wrong("ENV_FILE", f"is {named!r}, and no such file is there.")
    env.read_env(named or str(BASE_DIR / ".env"))


def text(name: str, default: str) -> str:
    value: str = env.str(name, default="")
    return value.strip() or default


def names(name: str) -> list[str]:
    """Return what stands between the commas."""
    return [part for p in text(name, "").split(",") if (part := p.strip())]


def number(name: str, default: int, *, least: int = 0, most: int = 10**9) -> int:
    """Return a whole number. Raises ImproperlyConfigured for anything else."""
    value = text(name, str(default))
    if not value.isdecimal() or not least <= int(value) <= most:
        limit = f"{least} or more" if most == 10**9 else f"from {least} to {most}"
        raise wrong(name, f"is {value!r}. Write a whole number, {limit}.")
    return int(value)


def flag(name: str) -> bool:
    """Return yes or no; no when nothing is said."""
    value = text(name, "false").lower()
    if value not in ("true", "false", "1", "0", "yes", "no", "on", "off"):
        raise wrong(name, f"is {value!r}. Write true or false.")
    return value in ("true", "1", "yes", "on")


def listening() -> tuple[str, int]:
    """Return the host and port that the web server listens on."""
    return text("HOST", "127.0.0.1"), number("PORT", 8000, least=1, most=65535)


def languages(said: list[str]) -> list[tuple[str, str]]:
    """Return code and own name of each, of codes such as es and ht=Kreyòl ayisyen."""
    found = {}
    for one in said:
        code, _, name = one.partition("=")
        name = name or LANG_INFO.get(code, {}).get("name_local", "")
        if not name:
            raise wrong(
                "LANGUAGES", f"has {one!r}. Write code and name: ht=Kreyòl ayisyen."
            )
        found[code] = name[0].upper() + name[1:]
    if "en" not in found:
        raise wrong("LANGUAGES", "has no en. English is what all others stand in for.")
    return list(found.items())


def host_in_urls(host: str) -> str:
    """Return a host as links write it: IPv6 in brackets, this machine for all."""
    if host in EVERYWHERE:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


read_file()
