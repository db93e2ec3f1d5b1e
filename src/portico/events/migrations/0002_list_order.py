"""Log entries repeat the company of their site, for the order of the log over many houses."""

import django.db.models.deletion
from django.db import migrations, models


def fill(apps, schema_editor):  # noqa
    site = apps.get_model("sites", "Site").objects.filter(pk=models.OuterRef("site"))
    company = models.Subquery(site.values("organization")[:1])
    apps.get_model("events", "LogEntry").objects.update(organization=company)
    if schema_editor.connection.vendor == "postgresql":
        # It alters no table with rows whose references are still to be checked.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def company(**options):
    """The column, first without a value."""
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenancy.organization",
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0001_initial"),
        ("tenancy", "0003_reminders"),
    ]

    operations = [
        migrations.AddField("logentry", "organization", company(null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField("logentry", "organization", company()),
        migrations.AddIndex(
            "logentry",
            models.Index(
                fields=["organization", "-occurred_at", "-id"], name="events_by_company"
            ),
        ),
    ]
