"""Looks for units at a house, and which of its addresses are known."""

from __future__ import annotations

from urllib.parse import urlsplit

from portico.devices.enums import CommandKind
from portico.devices.models import Bridge, Device, NetworkScan
from portico.sites.models import Site


def latest_scan(site: Site) -> NetworkScan | None:
    """The newest look for units at a site that the caller has been shown."""
    scans = NetworkScan.objects.select_related("command")
    mine = scans.filter(
        command__bridge__in=site.bridges.filter(revoked_at=None),
        command__kind=CommandKind.SCAN_NETWORK,
    )
    return mine.order_by("-command__requested_at").first()


def known_addresses(site: Site, bridge: Bridge | None) -> list[str]:
    """Where the bridge, then units of ``site`` say they are; also names and nothing."""
    told = [urlsplit(bridge.lan_url).hostname or ""] if bridge else []
    units = Device.objects.filter(site=site).order_by("pk")
    for fixed, seen in units.values_list("ip_address", "presence__lan_address"):
        told += [fixed or "", str(seen or "").partition(":")[0]]
    return told
