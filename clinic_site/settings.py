"""Everything that differs between machines comes from the environment.

`.env` beside manage.py (or the file ENV_FILE) fills what the environment leaves out.
`.env.example` lists every name with its meaning. What is wrong in itself is refused
here, at once; what is unwise together is refused by `booking.checks`.
"""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from .discretion import without_tracebacks_of_refusals

# --- Paths ----------------------------------------------------------------------

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))

# --- Security -------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)


def wrong(name: str, hint: str) -> ImproperlyConfigured:
    """Return an error that names the variable and says how to set it."""
    return ImproperlyConfigured(
        f"{name} {hint} Every setting is explained in .env.example."
    )


def required(name: str, hint: str, *, while_developing: str) -> str:
    """Return a setting that has a default only while developing.

    Raises ImproperlyConfigured, naming the variable and saying how to set it.
    """
    value: str = env.str(name, default="")
    if not value and not DEBUG:
        raise wrong(name, f"is not set. {hint}")
    return value or while_developing


SECRET_KEY = required(
    "SECRET_KEY",
    "Use a long random text: python -c 'import secrets; print(secrets.token_urlsafe(64))'.",  # noqa: E501 -- a command to paste
    while_developing="only-for-developing-" + "x" * 50,
)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# Fernet keys for what patients tell us; the first encrypts, all decrypt.
FIELD_KEYS = required(
    "FIELD_KEYS",
    "Make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'.",  # noqa: E501 -- a command to paste
    while_developing="b25seS1mb3ItZGV2ZWxvcGluZy1ub3QtYS1zZWNyZXQ=",
).split(",")

SITE_URL = required(
    "SITE_URL",
    "It is the address patients use, for links in messages: https://clinic.example.",
    while_developing=f"http://127.0.0.1:{env.int('PORT', default=8000)}",
).rstrip("/")

ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEBUG else []
)
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# Without https only on this machine (booking.E005), for developing and testing.
HTTPS = SITE_URL.startswith("https://")

# How many proxies of ours append to X-Forwarded-For; 0 trusts no header.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# Not "no-referrer": browsers then send "Origin: null" with a form, which CSRF refuses.
SECURE_REFERRER_POLICY = "same-origin"
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

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
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
    "django.contrib.staticfiles",
    "django.forms",
    "crispy_forms",
    "csp",
]

MIDDLEWARE = [
    "clinic_site.middleware.health",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "clinic_site.middleware.private_by_default",
    "clinic_site.middleware.known_methods",
    "csp.middleware.CSPMiddleware",
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
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
CRISPY_ALLOWED_TEMPLATE_PACKS = "clinic"
CRISPY_TEMPLATE_PACK = "clinic"
CRISPY_FAIL_SILENTLY = False

# --- Database -------------------------------------------------------------------

DATABASES = {
    "default": env.db_url(
        "DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}"
    ),
}
match DATABASES["default"].get("ENGINE"):
    case "django.db.backends.sqlite3":
        DATABASES["default"]["OPTIONS"] = {
            # IMMEDIATE takes the write lock before the first read, so that what a
            # transaction has checked stays true until it commits.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL keeps an acknowledged booking over a power cut.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            " PRAGMA foreign_keys=ON; PRAGMA busy_timeout=20000;",
        }
    case "django.db.backends.postgresql":
        longest = env.str("STATEMENT_TIMEOUT", default="5s")
        DATABASES["default"] |= {
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {
                "connect_timeout": 3,
                "options": f"-c lock_timeout=3s -c statement_timeout={longest}"
                " -c idle_in_transaction_session_timeout=15s",
            }
            | DATABASES["default"].get("OPTIONS", {}),
        }
    case _:
        raise wrong(
            "DATABASE_URL",
            "is not understood. Write sqlite:////absolute/path or"
            " postgresql://user:password@host:5432/name, with special characters of"
            " the password percent-encoded.",
        )

# --- Sign-in --------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Language and time ----------------------------------------------------------

LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("CLINIC_TIME_ZONE", default="America/New_York")
try:
    ZoneInfo(TIME_ZONE)
except (KeyError, ValueError, OSError) as error:
    raise wrong(
        "CLINIC_TIME_ZONE", f"is {TIME_ZONE!r}. Use a name such as America/New_York."
    ) from error

# --- Static files ---------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- Mail -----------------------------------------------------------------------


def mail_settings(url: str) -> dict[str, Any]:
    """Return Django's EMAIL_… settings for a URL such as smtps://user:pw@host:587."""
    try:
        return dict(env.email_url_config(url))
    except (ImproperlyConfigured, ValueError) as error:
        raise wrong(
            "EMAIL_URL",
            "is not understood. Write smtps://user:password@host:587 with STARTTLS,"
            " or smtp+ssl://user:password@host:465.",
        ) from error


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

# --- The clinic -----------------------------------------------------------------

# Everything else about the clinic is in the database; this is for when that is away.
CLINIC_PHONE = required(
    "CLINIC_PHONE",
    "It is the telephone number on the page that says the site is down.",
    while_developing="(212) 555-0143",
)

# --- Logging --------------------------------------------------------------------

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
        "level": env.str("LOG_LEVEL", default="INFO"),
    },
    # Django would mail error reports to ADMINS; they could hold what patients typed.
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        # Scanners try every name; each try would be a page of traceback.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
