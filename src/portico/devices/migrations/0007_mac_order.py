"""The MAC library is read in the order of its list."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0006_recording"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="macentry",
            index=models.Index(
                fields=["distributor", "-created_at", "-id"], name="devices_macs_newest"
            ),
        ),
    ]
