"""Keys that were made before values were held."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from portico.access.errors import TakenValue
from portico.access.models import HeldValue, TempKey
from portico.kernel.clock import utcnow
from tests.factories import make_device, make_installer, make_site
from tests.factories.access import make_credential, make_key

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def test_keys_in_force_hold_their_pins() -> None:
    installer = make_installer()
    site = make_site(installer)
    device = make_device(site, installer)
    live, over = (
        make_key(device, installer, uses_allowed=3),
        make_key(device, installer),
    )
    TempKey.objects.filter(pk=over.pk).update(ends_at=utcnow())
    TempKey.objects.update(uses_in_all=1)
    HeldValue.objects.all().delete()

    import_module("portico.access.migrations.0003_hold_values").hold(apps, None)

    assert HeldValue.objects.get().temp_key == live
    assert TempKey.objects.get(pk=live.pk).uses_in_all == 3
    with pytest.raises(TakenValue):
        make_credential(site.residents.get(), installer, value=live.pin)
