"""Figures are found by what was measured, too: questions about one measure read that one only."""

from importlib import import_module

from django.db import migrations, models

_NAME = "one_figure_a_day"
third, fourth = (import_module(f"gamification.analytics.migrations.{name}") for name in
                 ("0003_reporting_views", "0004_first_completions"))  # fmt: skip


def without_views(apps, schema_editor):
    """SQLite changes a constraint by making the table anew, which no view may look at meanwhile."""
    if schema_editor.connection.vendor == "sqlite":
        for name in third.views("sqlite"):
            schema_editor.execute(f"DROP VIEW {name}", params=None)


def with_views(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for name, select in (third.views("sqlite") | {"reporting_content": fourth.with_players("sqlite")}).items():
            schema_editor.execute(f"CREATE VIEW {name} AS {select}", params=None)


class Migration(migrations.Migration):
    dependencies = [("analytics", "0004_first_completions")]
    operations = [
        migrations.RunPython(without_views, with_views),
        migrations.RemoveConstraint("rollup", _NAME),
        migrations.AddConstraint(
            "rollup", models.UniqueConstraint(fields=["kind", "subject", "measure", "day"], name=_NAME)
        ),
        migrations.RunPython(with_views, without_views),
    ]
