from __future__ import annotations

from django.apps import AppConfig

from portico.config import wiring


class WiringConfig(AppConfig):
    """Plugs the adapters in, in every process that starts Django."""

    name = "portico.config"

    def ready(self) -> None:
        wiring.install()
