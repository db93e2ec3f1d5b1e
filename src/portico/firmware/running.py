"""Which devices run which release."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count, Exists, OuterRef, QuerySet

from portico.devices.models import Device
from portico.firmware.models import FirmwareVersion
from portico.firmware.rules import order_of


def on_bad_version(devices: QuerySet[Device]) -> QuerySet[Device]:
    """Those of ``devices`` that report a version which is known to be bad."""
    bad = FirmwareVersion.objects.filter(
        model=OuterRef("model"), version=OuterRef("firmware")
    )
    return devices.filter(Exists(bad.exclude(known_bad="")))


def bad_counts(devices: QuerySet[Device]) -> dict[str, int]:
    """How many those are, by model; models without any are left out."""
    rows = on_bad_version(devices).order_by().values_list("model")
    return dict(rows.annotate(Count("pk")))


def older(devices: QuerySet[Device], version: FirmwareVersion) -> QuerySet[Device]:
    """Those of ``devices`` of its model that report an older version; two queries."""
    of_model = devices.filter(model=version.model)
    rows = of_model.order_by().values_list("firmware", flat=True).distinct()
    mine = order_of(version.version)
    before = [one for one in rows if order_of(one) and order_of(one) < mine]
    return of_model.filter(firmware__in=before)


def running_counts(
    devices: QuerySet[Device], versions: Collection[FirmwareVersion]
) -> dict[int, int]:
    """How many of ``devices`` run each of ``versions``, by its key; one query."""
    by_name = {(one.model, one.version): one.pk for one in versions}
    rows = devices.filter(
        model__in={one.model for one in versions},
        firmware__in={one.version for one in versions},
    )
    counted = rows.order_by().values_list("model", "firmware").annotate(Count("pk"))
    counts = {(model, firmware): count for model, firmware, count in counted}
    return {pk: counts.get(name, 0) for name, pk in by_name.items()}
