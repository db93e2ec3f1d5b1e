"""The test suite's installation; the database comes from PORTICO_DATABASE_URL."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("PORTICO_MODE", "test")
os.environ.setdefault("PORTICO_SECRET_KEY", "t" * 50)
os.environ.setdefault(
    "PORTICO_ENCRYPTION_KEYS", "dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3QtMTI="
)
os.environ.setdefault("PORTICO_DATA", tempfile.mkdtemp(prefix="portico-test-"))
os.environ.setdefault("PORTICO_LOG_FORMAT", "console")
os.environ.setdefault("PORTICO_BUS_URL", "none")

from portico.config.settings.base import *

ALLOWED_HOSTS = ["*"]
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: servers in threads and processes share it, with real locks.
    DATABASES["default"]["TEST"] = {"NAME": ENVIRONMENT.data / "test.sqlite3"}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
# Tests that run side by side do not see each other's files.
STORAGES["default"]["OPTIONS"]["location"] = (
    ENVIRONMENT.data / "files" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
)
# Strong hashing is tested where it matters; elsewhere it would be most of the run.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    *PASSWORD_HASHERS,
]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Nothing is collected in tests; without the folder WhiteNoise warns.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
