"""Releases to be found: the newest that a unit could have, and those searched for."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q, QuerySet

from portico.firmware.models import FirmwareVersion
from portico.firmware.rules import order_of


def newest_versions(models: Collection[str]) -> dict[str, FirmwareVersion]:
    """Those not known to be bad, by model, for those of ``models`` that have any; one query."""
    found: dict[str, FirmwareVersion] = {}
    for version in FirmwareVersion.objects.filter(model__in=models, known_bad=""):
        best = found.get(version.model)
        if best is None or order_of(best.version) < order_of(version.version):
            found[version.model] = version
    return found


def is_newer(version: FirmwareVersion | None, firmware: str) -> bool:
    """Whether ``version`` is newer than what a unit has reported.

    A unit that has told nothing that can be compared is offered nothing.
    """
    has = order_of(firmware)
    return version is not None and bool(has) and has < order_of(version.version)


def search_versions(
    versions: QuerySet[FirmwareVersion], *, text: str, model: str = "", bad: str = ""
) -> QuerySet[FirmwareVersion]:
    """Narrow by version, model or log, and to those that are known to be bad or not."""
    if words := text.strip():
        versions = versions.filter(
            Q(version__icontains=words)
            | Q(model__icontains=words)
            | Q(log__icontains=words)
        )
    if model:
        versions = versions.filter(model=model)
    if bad:
        is_fine = Q(known_bad="")
        versions = versions.filter(~is_fine if bad == "yes" else is_fine)
    return versions
