"""A real installation."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from portico.config.mail_server import mail_server
from portico.config.settings.base import *

if ENVIRONMENT.mode != "production":
    raise ImproperlyConfigured("production settings need PORTICO_MODE=production")
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("PORTICO_SECRET_KEY needs at least 50 characters")

ALLOWED_HOSTS = ALLOWED_HOSTS or [urlsplit(ENVIRONMENT.public_url).hostname or ""]
CSRF_TRUSTED_ORIGINS = [ENVIRONMENT.public_url.rstrip("/")]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if SESSION_COOKIE_SECURE else 0

EMAIL_BACKEND = "portico.mail.no_server.NoServerBackend"
if ENVIRONMENT.smtp_url.get_secret_value():
    try:
        _server = mail_server(ENVIRONMENT.smtp_url.get_secret_value())
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _server.host, _server.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _server.user, _server.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = _server.starttls, _server.tls
