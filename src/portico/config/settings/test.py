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

from portico.config.settings.base import *

ALLOWED_HOSTS = ["*"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
# Strong hashing is tested where it matters; elsewhere it would be most of the run.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    *PASSWORD_HASHERS,
]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
