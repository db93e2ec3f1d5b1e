"""A distributor's list of sites is read in the order of an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0004_services_of_houses"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="site",
            index=models.Index(
                fields=["organization", "room_name", "id"], name="sites_by_room"
            ),
        ),
    ]
