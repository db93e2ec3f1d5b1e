"""A house that tests of the pages look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portico.accounts.models import User
from portico.devices.models import Device
from portico.sites.models import Site
from portico.support.models import Ticket
from tests.factories import (
    make_bridge,
    make_device,
    make_event,
    make_installer,
    make_mac,
    make_notice,
    make_seen,
    make_site,
    make_ticket,
    run_jobs,
)

# A small picture that browsers show.
DOOR = Path(__file__).parents[1] / "fixtures" / "door.jpg"


@dataclass(frozen=True)
class House:
    """A house with a device behind a bridge."""

    installer: User
    site: Site
    device: Device
    ticket: Ticket


def make_house() -> House:
    """With a bridge, a visit and a refusal in its log, a notice and a ticket."""
    installer = make_installer("ida")
    site = make_site(installer, "Ryan")
    device = make_device(site, installer)
    run_jobs()
    make_bridge(site, installer)
    make_seen(device)
    make_event(device, "face_granted", user="Mia")
    make_event(device, "card_refused", card="••••4711")
    make_mac(installer, model="R29")
    make_notice(installer)
    return House(installer, site, device, make_ticket(installer))
