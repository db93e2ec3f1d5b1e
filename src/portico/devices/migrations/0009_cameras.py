"""Third-party cameras, and orders that are for one of them instead of a device."""

import django.db.models.deletion
import portico.kernel.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0008_access_wipes"),
        ("sites", "0005_room_order"),
        ("tenancy", "0005_log_retention"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Camera",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("name", models.CharField(max_length=63, verbose_name="device name")),
                ("host", models.CharField(max_length=253)),
                ("port", models.PositiveIntegerField()),
                ("path", models.CharField(blank=True, max_length=255)),
                ("user", models.CharField(blank=True, max_length=127)),
                ("password", portico.kernel.fields.SealedTextField(blank=True)),
                ("monitor_in_app", models.BooleanField(default=True)),
                ("monitor_on_monitors", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "linked",
                    models.ManyToManyField(
                        related_name="linked_cameras", to="devices.device"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.organization",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cameras",
                        to="sites.site",
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="command",
            name="device",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="commands",
                to="devices.device",
            ),
        ),
        migrations.AlterField(
            model_name="command",
            name="kind",
            field=models.CharField(
                choices=[
                    ("open_relay", "open"),
                    ("fetch_configuration", "fetch configuration"),
                    ("take_picture", "take a picture"),
                    ("clear_access", "delete codes, cards and faces"),
                    ("camera_picture", "take a picture of a third-party camera"),
                ],
                max_length=31,
            ),
        ),
        migrations.CreateModel(
            name="CameraPicture",
            fields=[
                (
                    "camera",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="picture",
                        serialize=False,
                        to="devices.camera",
                    ),
                ),
                ("file", models.CharField(max_length=63)),
                ("size", models.PositiveIntegerField()),
                ("taken_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="command",
            name="camera",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="commands",
                to="devices.camera",
            ),
        ),
        migrations.AddConstraint(
            model_name="command",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("requested", "sent"))),
                fields=("camera",),
                name="devices_one_open_order_per_camera",
            ),
        ),
        migrations.AddConstraint(
            model_name="command",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("camera__isnull", False), ("device", None)),
                    models.Q(("camera", None), ("device__isnull", False)),
                    _connector="OR",
                ),
                name="devices_command_of_one",
            ),
        ),
        migrations.AddIndex(
            model_name="camera",
            index=models.Index(
                fields=["site", "name", "id"], name="devices_cam_site_id_94bc70_idx"
            ),
        ),
    ]
