"""The installation that a benchmark runs beside Portico: plain Django, the same tables.

Without middleware: what is compared is a view and its row, not a portal's extras.
"""

from __future__ import annotations

from portico.config.settings.demo import *

ROOT_URLCONF = "benchmarks.plain.views"
MIDDLEWARE = []
# allauth insists on a middleware of its own.
INSTALLED_APPS = [app for app in INSTALLED_APPS if not app.startswith("allauth")]
