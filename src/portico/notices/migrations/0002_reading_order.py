"""What a reader is told is read in the order of an index, without being sorted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                models.Func(
                    "organization_id",
                    template="COALESCE(%(expressions)s, 0)",
                    output_field=models.BigIntegerField(),
                ),
                models.OrderBy(models.F("id"), descending=True),
                name="notices_newest",
            ),
        ),
    ]
