from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_user_name_in_any_case")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="version",
            field=models.PositiveIntegerField(default=1),
        )
    ]
