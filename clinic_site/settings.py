"""Everything that differs between machines comes from the environment.

`.env.example` lists every name with its meaning. What is wrong in itself is refused
here, at once; what is unwise together is refused by `booking.checks`.
"""

import re
from base64 import b64encode
from email.utils import parseaddr
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from .discretion import without_tracebacks_of_refusals
from .environment import (
    BASE_DIR,
    env,
    flag,
    host_in_urls,
    languages,
    listening,
    names,
    number,
    text,
    wrong,
)

# --- Security -------------------------------------------------------------------

DEBUG = flag("DEBUG")


def required(name: str, hint: str, *, while_developing: str) -> str:
    """Return a setting that has a default only while developing.

    Raises ImproperlyConfigured, naming the variable and saying how to set it.
    """
    value = text(name, "")
    if not value and not DEBUG:
        raise wrong(name, f"is not set. {hint}")
    return value or while_developing


SECRET_KEY = required(
    "SECRET_KEY",
    "Use a long random text: python -c 'import secrets; print(secrets.token_urlsafe(64))'.",  # noqa: E501 -- a command to paste
    while_developing="only-for-developing-" + "x" * 50,
)
if len(SECRET_KEY) < 50:
    raise wrong("SECRET_KEY", "is too short. Use 50 random characters or more.")
SECRET_KEY_FALLBACKS = names("SECRET_KEY_FALLBACKS")

# Fernet keys for what patients tell us; the first encrypts, all decrypt.
FIELD_KEYS = required(
    "FIELD_KEYS",
    "Make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'.",  # noqa: E501 -- a command to paste
    while_developing="b25seS1mb3ItZGV2ZWxvcGluZy1ub3QtYS1zZWNyZXQ=",
).split(",")

HOST, PORT = listening()
SITE_URL = required(
    "SITE_URL",
    "It is the address patients use, for links in messages: https://clinic.example.",
    while_developing=f"http://{host_in_urls(HOST)}:{PORT}",
).rstrip("/")
if not re.fullmatch(r"https?://([\w.-]+|\[[\da-f:]+\])(:\d+)?", SITE_URL):
    raise wrong(
        "SITE_URL",
        f"is {SITE_URL!r}. Write https:// and a host, no more: https://clinic.example.",
    )

ALLOWED_HOSTS = names("ALLOWED_HOSTS")
if DEBUG and not ALLOWED_HOSTS:
    ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", host_in_urls(HOST)]
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# Without https only on this machine (booking.E005), for developing and testing.
HTTPS = SITE_URL.startswith("https://")

# How many proxies of ours append to X-Forwarded-For; 0 trusts no header.
TRUSTED_PROXIES = number("TRUSTED_PROXIES", 0)
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = number("HSTS_SECONDS", 31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# Not "no-referrer": browsers then send "Origin: null" with a form, which CSRF refuses.
SECURE_REFERRER_POLICY = "same-origin"
SESSION_ENGINE = "clinic_site.sessions"
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 8 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "clinic_site.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 400
DEFAULT_EXCEPTION_REPORTER_FILTER = "clinic_site.discretion.DiscreetReporterFilter"

# The script of a patient's page without its comments, which stands in the page: it is
# smaller than to ask for it, and no page waits for it.
SCRIPT = re.sub(
    r"^//.*\n", "", (BASE_DIR / "static/js/site.js").read_text(), flags=re.MULTILINE
)
_digest = b64encode(sha256(SCRIPT.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, f"'sha256-{_digest}'"],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# --- Apps -----------------------------------------------------------------------

INSTALLED_APPS = [
    "booking",
    "services",
    "clinic_site.apps.FrontDeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "django.forms",
    "crispy_forms",
    "csp",
]

MIDDLEWARE = [
    "clinic_site.middleware.health",
    "clinic_site.middleware.language_of_address",
    "clinic_site.middleware.one_look",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "clinic_site.middleware.private_by_default",
    "clinic_site.middleware.known_methods",
    "clinic_site.middleware.content_security_policy",
    # Safe from BREACH: Django masks the CSRF token anew on each page, and the
    # middleware pads what it compresses by a random length.
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "clinic_site.middleware.DatabaseAway",
]

ROOT_URLCONF = "clinic_site.urls"
WSGI_APPLICATION = "clinic_site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Templates and forms --------------------------------------------------------

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "services.context_processors.clinic",
                "booking.closed.closed_soon",
            ],
            "builtins": ["services.templatetags.languages"],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
CRISPY_ALLOWED_TEMPLATE_PACKS = "clinic"
CRISPY_TEMPLATE_PACK = "clinic"
CRISPY_FAIL_SILENTLY = False

# --- Database -------------------------------------------------------------------


def database_settings(url: str) -> dict[str, Any]:
    """Return Django's settings for a URL, or raise ImproperlyConfigured."""
    try:
        found: dict[str, Any] = env.db_url_config(url)
    except ValueError:  # a port that is no number
        found = {}
    # SQLite's path left out would be a database in memory, another for each process.
    named = found.get("NAME") and (found["NAME"] != ":memory:" or ":memory:" in url)
    if found.get("ENGINE") not in ENGINES or not named:
        raise wrong(
            "DATABASE_URL",
            "is not understood. Write sqlite:////absolute/path or"
            " postgresql://user:password@host:5432/name, with special characters of"
            " the password percent-encoded.",
        )
    return found


ENGINES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
DATABASES = {
    "default": database_settings(
        text("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
    )
}
# Kept from one page to the next, and looked at before each.
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
match DATABASES["default"]["ENGINE"]:
    case "django.db.backends.sqlite3":
        folder = Path(DATABASES["default"]["NAME"]).parent
        if not folder.is_dir():
            raise wrong("DATABASE_URL", f"is in {folder}. Make that folder first.")
        DATABASES["default"]["ENGINE"] = "clinic_site.sqlite"
        DATABASES["default"]["OPTIONS"] = {
            # IMMEDIATE takes the write lock before the first read, so that what a
            # transaction has checked stays true until it commits.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL keeps an acknowledged booking over a power cut.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            " PRAGMA foreign_keys=ON;",
        }
    case "django.db.backends.postgresql":
        DATABASES["default"]["ENGINE"] = "clinic_site.postgresql"
        longest = text("STATEMENT_TIMEOUT", "5s")
        if not re.fullmatch(r"\d+(us|ms|s|min|h|d)?", longest):
            raise wrong(
                "STATEMENT_TIMEOUT",
                f"is {longest!r}. Write a time such as 5s, or 0 for none.",
            )
        DATABASES["default"]["OPTIONS"] = {
            "connect_timeout": 3,
            "options": f"-c lock_timeout=3s -c statement_timeout={longest}"
            " -c idle_in_transaction_session_timeout=15s",
        } | DATABASES["default"].get("OPTIONS", {})

# --- Sign-in --------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"clinic_site.passwords.{name}"}
    for name in ("NotLikeTheAccount", "LongEnough", "NotCommon", "NotOnlyDigits")
]

# Whether staff need a code from their phone beside the password.
STAFF_SECOND_FACTOR = text("STAFF_SECOND_FACTOR", "optional" if DEBUG else "required")
if STAFF_SECOND_FACTOR not in ("required", "optional"):
    raise wrong(
        "STAFF_SECOND_FACTOR",
        f"is {STAFF_SECOND_FACTOR!r}. Write required or optional.",
    )

# After how long without a request staff are signed out.
STAFF_IDLE_MINUTES = number("STAFF_IDLE_MINUTES", 30, least=3, most=480)

# For how long a closed day can be undone before the first patient is told.
CLOSING_HOLD_MINUTES = number("CLOSING_HOLD_MINUTES", 10, least=0, most=60)

# --- Language and time ----------------------------------------------------------

# English at each address, the others under /es/ and so on. A language needs its
# catalogue (locale/) and, for what the clinic says about itself, its texts.
LANGUAGE_CODE = "en"
LANGUAGES = languages(names("LANGUAGES") or ["en", "es"])
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
FORMAT_MODULE_PATH = "clinic_site.formats"
USE_TZ = True
TIME_ZONE = text("CLINIC_TIME_ZONE", "America/New_York")
try:
    ZoneInfo(TIME_ZONE)
except (KeyError, ValueError, OSError) as error:
    raise wrong(
        "CLINIC_TIME_ZONE", f"is {TIME_ZONE!r}. Use a name such as America/New_York."
    ) from error

# --- Static files ---------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = text("STATIC_ROOT", str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "clinic_site.static_files.StaticFiles"
    },
}

# --- Mail -----------------------------------------------------------------------


def supplier_settings(url: str) -> dict[str, Any]:
    """Return the settings for a URL such as anymail://postmark?server_token=…&baa=yes.

    What follows is what django-anymail calls POSTMARK_SERVER_TOKEN, and so on. Health
    care may hand patients' addresses to none without an agreement.
    """
    split = urlsplit(url)
    supplier = split.hostname or ""
    said = dict(parse_qsl(split.query))
    if not re.fullmatch(r"[a-z_]+", supplier) or said.pop("baa", "") != "yes":
        raise wrong(
            "EMAIL_URL",
            "is not complete. Write anymail://SUPPLIER?api_key=KEY&baa=yes. The last"
            " says that the clinic has a business associate agreement (45 CFR 164.504)"
            " with them.",
        )
    return {
        "EMAIL_BACKEND": f"anymail.backends.{supplier}.EmailBackend",
        "MAIL_SUPPLIER": supplier,
        "ANYMAIL": {
            "WEBHOOK_SECRET": MAIL_EVENTS_SECRET,
            "REQUESTS_TIMEOUT": 20,
            **{f"{supplier}_{name}".upper(): value for name, value in said.items()},
        },
    }


def mail_settings(url: str) -> dict[str, Any]:
    """Return Django's EMAIL_… settings for a URL such as smtps://user:pw@host:587."""
    if url.startswith("anymail:"):
        return supplier_settings(url)
    try:
        found: dict[str, Any] = env.email_url_config(url)
    except (ImproperlyConfigured, ValueError):
        found = {}
    by_smtp = (
        found.get("EMAIL_BACKEND") == "django.core.mail.backends.smtp.EmailBackend"
    )
    if not found or (by_smtp and not found["EMAIL_HOST"]):
        raise wrong(
            "EMAIL_URL",
            "is not understood. Write smtps://user:password@host:587 with STARTTLS,"
            " or smtp+ssl://user:password@host:465, with special characters of the"
            " password percent-encoded.",
        )
    return found


# What a supplier of mail says to prove who it is when it reports what became of one:
# user:password. Without it there is no address for reports.
MAIL_EVENTS_SECRET = text("MAIL_EVENTS_SECRET", "")
if MAIL_EVENTS_SECRET and not re.fullmatch(r"[^:\s]+:[^:\s]{20,}", MAIL_EVENTS_SECRET):
    raise wrong(
        "MAIL_EVENTS_SECRET", "is too short. Write user:password, 20 random letters."
    )
MAIL_SUPPLIER = ""
# While developing, each message becomes a file in var/mail that any mail program opens.
vars().update(
    mail_settings(
        required(
            "EMAIL_URL",
            "It is the mail server that takes our messages:"
            " smtps://user:password@host:587.",
            while_developing=f"filemail:///{BASE_DIR / 'var' / 'mail'}",
        )
    )
)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = required(
    "DEFAULT_FROM_EMAIL",
    "It is the address that messages to patients come from.",
    while_developing="43rd St. Physical Medicine (demo) <front-desk@clinic.example>",
)
if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(DEFAULT_FROM_EMAIL)[1]):
    raise wrong(
        "DEFAULT_FROM_EMAIL",
        f"is {DEFAULT_FROM_EMAIL!r}. Write front-desk@clinic.example or"
        " Front desk <front-desk@clinic.example>.",
    )

# Who carries text messages: a function such as booking.texting.to_file, or one of a
# supplier with whom there is a business associate agreement. Empty: there are none.
TEXT_BACKEND = text("TEXT_BACKEND", "")
TEXT_FOLDER = BASE_DIR / "var" / "texts"
# Yes: who answers STOP gets no more texts for the purpose of the last one. No: none at
# all, as 47 CFR 64.1200(a)(10) wants it from January 31, 2027.
TEXT_STOP_BY_PURPOSE = flag("TEXT_STOP_BY_PURPOSE")
# What the supplier signs with what it tells us that patients wrote back.
TEXT_SECRET = text("TEXT_SECRET", "")
if TEXT_SECRET and len(TEXT_SECRET) < 20:
    raise wrong("TEXT_SECRET", "is too short. Use 20 random characters or more.")

# --- The clinic -----------------------------------------------------------------

# Everything else about the clinic is in the database; this is for when that is away.
CLINIC_PHONE = required(
    "CLINIC_PHONE",
    "It is the telephone number on the page that says the site is down.",
    while_developing="(212) 555-0143",
)
if len(re.findall(r"\d", CLINIC_PHONE)) < 7:
    raise wrong(
        "CLINIC_PHONE",
        f"is {CLINIC_PHONE!r}. Write it as people dial it: (212) 555-0143.",
    )

# --- Logging --------------------------------------------------------------------

LOG_LEVEL = text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    raise wrong("LOG_LEVEL", f"is {LOG_LEVEL!r}. Write INFO, WARNING or ERROR.")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "discreet": {
            "()": "clinic_site.discretion.DiscreetFormatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "filters": {
        "refusals": {
            "()": "django.utils.log.CallbackFilter",
            "callback": without_tracebacks_of_refusals,
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "discreet",
            "filters": ["refusals"],
        }
    },
    "root": {
        "handlers": ["console"],
        "level": LOG_LEVEL,
    },
    # Django would mail error reports to ADMINS; they could hold what patients typed.
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        # Scanners try every name; each try would be a page of traceback.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
