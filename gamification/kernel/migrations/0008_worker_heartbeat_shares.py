from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0007_releases"),
    ]

    operations = [
        migrations.AddField(
            model_name="workerheartbeat",
            name="done_of_shares",
            field=models.JSONField(blank=True, null=True),
        ),
    ]
