"""What stands in logs already: each line is a visit of its own, under its own number."""

from django.db import migrations

VISITS = """
INSERT INTO events_visit (id, site_id, organization_id, device_id, began_at, ended_at)
SELECT id, site_id, organization_id, device_id, occurred_at, occurred_at
FROM events_logentry
"""
LINES = "UPDATE events_logentry SET visit_id = id"
# New visits count on from there; SQLite sees it by itself.
SEQUENCE = """
SELECT setval(pg_get_serial_sequence('events_visit', 'id'), max(id))
FROM events_visit HAVING max(id) IS NOT NULL
"""


def make_visits(apps, schema_editor):
    schema_editor.execute(VISITS)
    schema_editor.execute(LINES)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(SEQUENCE)


class Migration(migrations.Migration):
    dependencies = [("events", "0004_visits")]

    operations = [migrations.RunPython(make_visits, migrations.RunPython.noop)]
