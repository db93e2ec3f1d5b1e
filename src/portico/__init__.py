"""Portico: an open, self-hosted cloud for smart intercoms."""

from __future__ import annotations

__version__ = "0.1.0"
