"""What roles with Django have in common: settings by mode, clear start-up errors."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable

import django
from django.core.exceptions import ImproperlyConfigured
from pydantic import ValidationError

_SETTINGS = {
    "production": "portico.config.settings.prod",
    "demo": "portico.config.settings.demo",
    "test": "portico.config.settings.test",
}
USAGE = 2


def complain(text: str) -> int:
    """Say on stderr why nothing starts; returns the exit code for it."""
    sys.stderr.write(f"portico: {text}\n")
    return USAGE


def start_django() -> str:
    """Load Django for ``PORTICO_MODE``; returns what is wrong, or ""."""
    mode = os.environ.get("PORTICO_MODE", "production")
    if mode not in _SETTINGS:
        return f"PORTICO_MODE is {mode!r}; it is one of {', '.join(_SETTINGS)}"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", _SETTINGS[mode])
    try:
        django.setup()
    except ValidationError as error:
        names = (
            f"PORTICO_{'_'.join(map(str, e['loc'])).upper()}" for e in error.errors()
        )
        return f"these settings are missing or wrong: {', '.join(names)}"
    except (ImproperlyConfigured, OSError) as error:
        return str(error)
    return ""


def with_django(role: Callable[[], int]) -> int:
    """Run ``role`` with Django loaded, or say why not."""
    trouble = start_django()
    return complain(trouble) if trouble else role()


def port_trouble(host: str, port: int, *, udp: bool = False) -> str:
    """Why nothing could listen there, or ""."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    with socket.socket(family, kind) as probe:
        if not udp:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or "unknown error"
            return f"cannot listen on {host}:{port}: {reason}. Choose another PORT."
    return ""


def free_port() -> int:
    """A port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
