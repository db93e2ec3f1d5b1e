"""Whose devices and log entries somebody sees (ORG-5)."""

from __future__ import annotations

import pytest

from portico.devices.models import Device
from portico.devices.selectors import devices_below, visible_devices
from portico.events.models import LogEntry
from portico.events.selectors import visible_log
from tests.factories import (
    make_device,
    make_distributor,
    make_event,
    make_installer,
    make_site,
    organization_of,
    run_jobs,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def test_a_company_that_is_not_the_sites_hides_a_row_and_shows_it_to_nobody() -> None:
    dana = make_distributor("dana")
    ida = make_installer("ida", distributor=dana)
    other = make_installer("otto", distributor=dana)
    device = make_device(make_site(ida), ida)
    make_event(device, "face_granted")
    run_jobs()
    assert device.organization == organization_of(ida)
    assert list(visible_devices(ida)) == list(devices_below(dana)) == [device]
    assert visible_log(ida).count() == 1

    for model in (Device, LogEntry):
        model.objects.update(organization=organization_of(other))

    for actor in (ida, other):
        assert not visible_devices(actor).exists()
        assert not visible_log(actor).exists()
    assert not devices_below(dana).exists()
