"""Portico's roles as real processes that work on the test's database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]


def database_url() -> str:
    """The URL of the database that this test uses."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    base = settings.ENVIRONMENT.database_url.rpartition("/")[0]
    return f"{base}/{name}"


def environment(**more: str) -> dict[str, str]:
    """What a child needs to be part of this test's installation."""
    inner = settings.ENVIRONMENT
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "PORTICO_MODE": "test",
        "DJANGO_SETTINGS_MODULE": "portico.config.settings.test",
        "PORTICO_DATABASE_URL": database_url(),
        "PORTICO_SECRET_KEY": inner.secret_key.get_secret_value(),
        "PORTICO_ENCRYPTION_KEYS": inner.encryption_keys.get_secret_value(),
        "PORTICO_DATA": str(inner.data),
        "PORTICO_BUS_URL": "local",
        **more,
    }


def start(code: str, **more: str) -> subprocess.Popen[bytes]:
    """Run Python ``code`` as a process of this installation."""
    return subprocess.Popen([sys.executable, "-c", code], env=environment(**more))
