"""Files without rows go, once they are not being written any more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from portico.firmware.services.images import sweep_images
from portico.kernel.clock import utcnow
from portico.worker.schedule import ticks
from tests.factories.firmware import make_version

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def test_only_lost_images_are_swept() -> None:
    kept = make_version().artifact.file
    lost = default_storage.save("firmware/lost.zip", ContentFile(b"x"))
    now = utcnow()
    sweep_images(now=now)
    assert default_storage.exists(lost)
    sweep_images(now=now + timedelta(days=2))
    assert not default_storage.exists(lost)
    assert default_storage.exists(kept)


def test_the_clock_sweeps_once_a_day() -> None:
    [tick] = [one for one in ticks() if one.name == "sweep_images"]
    assert tick.every == 86_400
