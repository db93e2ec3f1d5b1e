"""Keys that are in force hold their PINs, as new ones do."""

from django.db import migrations, transaction
from django.db.models import F
from django.db.utils import IntegrityError
from django.utils import timezone

from portico.access.rules import value_digest


def hold(apps, schema_editor):
    keys = apps.get_model("access", "TempKey")
    values = apps.get_model("access", "HeldValue")
    keys.objects.update(uses_in_all=F("uses_allowed"))
    live = keys.objects.filter(
        revoked_at=None, ends_at__gt=timezone.now(), uses_made__lt=F("uses_allowed")
    )
    for key in live.order_by("pk").iterator():
        digest = value_digest(key.site_id, "pin", key.pin)
        try:
            with transaction.atomic():
                values.objects.create(site_id=key.site_id, digest=digest, temp_key=key)
        except IntegrityError:
            continue


class Migration(migrations.Migration):
    dependencies = [("access", "0002_credentials")]

    operations = [migrations.RunPython(hold, migrations.RunPython.noop)]
