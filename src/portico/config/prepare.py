"""Bring database and static files to this version, before any role starts."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DatabaseError, connection


def prepare_database() -> str:
    """Migrate and collect assets; returns what is wrong, or ""."""
    try:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
        connection.close()
    except DatabaseError as error:
        return f"the database cannot be used: {error}"
    if not Path(settings.ROOT, "node_modules").is_dir():
        return "front-end packages are missing; run `make setup`"
    stamp = Path(settings.STATIC_ROOT, ".collected")
    if not stamp.exists() or stamp.stat().st_mtime < _newest_asset():
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        stamp.touch()
    return ""


def _newest_asset() -> float:
    found = (s.path(n) for f in get_finders() for n, s in f.list([]))
    return max(Path(path).stat().st_mtime for path in found)
