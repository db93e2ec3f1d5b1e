"""Settings that every kind of installation shares."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from portico.config.environment import Environment

ENVIRONMENT = Environment()  # type: ignore[call-arg]  # filled from the environment
ROOT = Path(__file__).resolve().parents[4]
PACKAGE = Path(__file__).resolve().parents[2]

SECRET_KEY = ENVIRONMENT.secret_key.get_secret_value()
DEBUG = False
DEMO = ENVIRONMENT.mode == "demo"
ALLOWED_HOSTS = [h.strip() for h in ENVIRONMENT.allowed_hosts.split(",") if h.strip()]
WSGI_APPLICATION = "portico.config.wsgi.application"
ROOT_URLCONF = "portico.config.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "portico.config.apps.WiringConfig",
    "portico.audit",
    "portico.mail",
    "portico.notices",
    "portico.accounts",
    "portico.tenancy",
    "portico.support",
    "portico.exports",
    "portico.sites",
    "portico.devices",
    "portico.access",
    "portico.messaging",
    "portico.weather",
    "portico.remote",
    "portico.locks",
    "portico.houses",
    "portico.provisioning",
    "portico.events",
    "portico.firmware",
    "portico.jobs",
    "portico.portals.shared",
    "portico.appapi",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_cotton.apps.SimpleAppConfig",
    "django_htmx",
    "csp",
]

MIDDLEWARE = [
    "portico.portals.shared.middleware.request_context",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portico.portals.shared.middleware.viewer_locale",
    "portico.portals.shared.middleware.domain_errors",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "portals" / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portico.portals.shared.context.frame",
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "portico.portals.shared.templatetags.portico",
            ],
        },
    }
]

DATABASES: dict[str, Any] = {
    "default": dict(
        dj_database_url.parse(
            ENVIRONMENT.database_url or f"sqlite:///{ENVIRONMENT.data}/portico.sqlite3",
            conn_max_age=600,
            conn_health_checks=True,
        )
    )
}
# What a SQLite connection of ours is set to, in Django and in the gateway's writer. FULL:
# an event that was answered must survive a power cut. 20 s: longer than any transaction
# of ours, so that "database is locked" means a real fault.
SQLITE_TIMEOUT_SECONDS = 20
SQLITE_INIT = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": SQLITE_TIMEOUT_SECONDS,
        "init_command": SQLITE_INIT,
    }

# One store for every process: rate limits must hold across them. In the database, because
# the embedded installation has nothing else.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portico_cache",
    }
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["username", "email", "name"]},
    },
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"

ACCOUNT_ADAPTER = "portico.portals.shared.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = None
# ACC-1: locked for five minutes after five failures of one account, wherever they came
# from, and one address may fail 20 times a minute over all accounts.
ACCOUNT_RATE_LIMITS = {"login_failed": "20/m/ip,5/5m/key", "login": "60/m/ip"}
# The second step by choice: authenticator app, passkeys, recovery codes (ACC-2).
MFA_ADAPTER = "portico.portals.shared.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Portico"
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Changes with every change of what the policy says; everybody is asked again (ACC-3).
PRIVACY_POLICY_VERSION = "2026-11"
# Only the addresses of our own proxies may tell where a request came from.
ALLAUTH_TRUSTED_PROXY_COUNT = 1
# Sign-in codes by SMS to one number. Each costs money, wakes somebody up, and gives five
# guesses at six digits.
APP_CODES_PER_HOUR = 5

SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.public_url.startswith("https:")
# So no page of a neighbouring name, such as a device's in remote control, can set them.
_HOST_ONLY = "__Host-" if SESSION_COOKIE_SECURE else ""
SESSION_COOKIE_NAME = f"{_HOST_ONLY}portico_session"
CSRF_COOKIE_NAME = f"{_HOST_ONLY}portico_csrf"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
USE_I18N = True
LOCALE_PATHS = [PACKAGE / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = ENVIRONMENT.data / "static"
STATICFILES_DIRS = [PACKAGE / "portals" / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "portico.config.assets.PackageFinder",
]
PACKAGES = ROOT / "node_modules"
PACKAGE_FILES = {
    "vendor/tabler/css": (
        PACKAGES / "@tabler/core/dist/css",
        ("tabler.min.css*", "tabler.rtl.min.css*"),
    ),
    "vendor/tabler/js": (PACKAGES / "@tabler/core/dist/js", ("tabler.min.js*",)),
    "vendor/uplot": (PACKAGES / "uplot/dist", ("uPlot.iife.min.js", "uPlot.min.css")),
    "vendor/inter": (
        PACKAGES / "@fontsource-variable/inter",
        ("index.css", "files/*-wght-normal.woff2"),
    ),
}
# The faces of printed sheets, in folders below.
FONTS = PACKAGES / "@expo-google-fonts"
ICONS = ROOT / "node_modules/@tabler/icons/icons"
STORAGES: dict[str, dict[str, Any]] = {
    # Never served as it lies there: views that know whose a file is hand it out.
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": ENVIRONMENT.data / "files",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

EMAIL_SUBJECT_PREFIX = ""
DEFAULT_FROM_EMAIL = ENVIRONMENT.mail_sender
# A server that says nothing for so long is tried again later.
EMAIL_TIMEOUT = 20
# Bad input of this size is refused before it costs memory.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

LOGGING_CONFIG = None  # structlog, set up by config.wiring
