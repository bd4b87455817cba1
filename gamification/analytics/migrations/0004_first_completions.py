"""When players first completed something, and the number of those players in the view of content."""

from importlib import import_module

from django.db import migrations, models

earlier = import_module("gamification.analytics.migrations.0003_reporting_views")


def with_players(vendor):
    before, behind = earlier.views(vendor)["reporting_content"].split(" FROM ", 1)
    whole = earlier.WHOLE[vendor]
    return f"{before}, CAST(SUM(CASE WHEN measure = 'players' THEN amount ELSE 0 END) AS {whole}) AS players FROM {behind}"


def replace(schema_editor, select):
    schema_editor.execute("DROP VIEW reporting_content", params=None)
    schema_editor.execute(f"CREATE VIEW reporting_content AS {select}", params=None)


def make(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    if vendor == "postgresql":  # a view that is dropped would lose whom its owner has granted it to
        schema_editor.execute(f"CREATE OR REPLACE VIEW reporting_content AS {with_players(vendor)}", params=None)
    else:
        replace(schema_editor, with_players(vendor))


def unmake(apps, schema_editor):
    replace(schema_editor, earlier.views(schema_editor.connection.vendor)["reporting_content"])


class Migration(migrations.Migration):
    dependencies = [("analytics", "0003_reporting_views")]
    operations = [
        migrations.AddField("activity", "completed", models.BinaryField(default=b"", db_default=b"")),
        migrations.RunPython(make, unmake),
    ]
