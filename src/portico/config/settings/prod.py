"""A real installation."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from portico.config.settings.base import *

if ENVIRONMENT.mode != "production":
    raise ImproperlyConfigured("production settings need PORTICO_MODE=production")
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("PORTICO_SECRET_KEY needs at least 50 characters")

ALLOWED_HOSTS = ALLOWED_HOSTS or [urlsplit(ENVIRONMENT.public_url).hostname or ""]
CSRF_TRUSTED_ORIGINS = [ENVIRONMENT.public_url.rstrip("/")]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if SESSION_COOKIE_SECURE else 0
