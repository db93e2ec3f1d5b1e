"""``make run``: a simulated house on this machine only."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from portico.config.settings.base import *

if ENVIRONMENT.mode != "demo":
    raise ImproperlyConfigured("demo settings need PORTICO_MODE=demo")
if ENVIRONMENT.database_url and not ENVIRONMENT.database_url.startswith("sqlite"):
    raise ImproperlyConfigured("the demo keeps its data in SQLite, never in a server")

ALLOWED_HOSTS = ["*"]  # it listens on loopback; third-party clients bring other names
EMAIL_BACKEND = "portico.mail.outbox_folder.FolderEmailBackend"
# SMS end in a folder here, and one resident tries every client there is.
APP_CODES_PER_HOUR = 600
