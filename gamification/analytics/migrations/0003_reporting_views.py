"""Views for dashboards of one's own. Their columns stay as docs/analytics.md says, whatever becomes of the tables."""

from django.db import migrations

AFTER = {"postgresql": "strpos({0}, ' ')", "sqlite": "instr({0}, ' ')"}
WHOLE = {"postgresql": "bigint", "sqlite": "integer"}


def views(vendor):
    def after(text):
        """What stands behind the first space."""
        return f"substr({text}, {AFTER[vendor].format(text)} + 1)"

    def before(text):
        return f"substr({text}, 1, {AFTER[vendor].format(text)} - 1)"

    def sums(*measures):
        cases = (
            f"CAST(SUM(CASE WHEN measure = '{each}' THEN amount ELSE 0 END) AS {WHOLE[vendor]}) AS {each.replace(' ', '_')}"
            for each in measures
        )
        return ", ".join(cases)

    detail = after("measure")
    return {
        "reporting_days": f"SELECT day, {sums('active', 'new', 'events', 'completions', 'quests_completed', 'claims')}"
        " FROM analytics_rollup WHERE kind = 'game' GROUP BY day",
        "reporting_content": "SELECT kind, subject AS id, day, "
        f"{sums('begun', 'quarter', 'half', 'three_quarters', 'completed', 'failed', 'expired', 'abandoned', 'claims')}"
        " FROM analytics_rollup WHERE kind IN ('achievement', 'quest', 'reward') GROUP BY kind, subject, day",
        "reporting_retention": "SELECT day AS first_day, CAST(subject AS integer) AS days_later, amount AS players"
        " FROM analytics_rollup WHERE kind = 'retention'",
        "reporting_funnels": f"SELECT subject AS quest, day, CAST({before(detail)} AS integer) AS version,"
        f" {after(detail)} AS step,"
        f" CAST(SUM(CASE WHEN measure LIKE 'reached %' THEN amount ELSE 0 END) AS {WHOLE[vendor]}) AS reached,"
        f" CAST(SUM(CASE WHEN measure LIKE 'completed %' THEN amount ELSE 0 END) AS {WHOLE[vendor]}) AS completed"
        " FROM analytics_rollup WHERE kind = 'funnel' AND measure NOT LIKE 'begun %'"
        " GROUP BY 1, 2, 3, 4",
        "reporting_economy": f"SELECT subject AS currency, day, {before('measure')} AS way, {detail} AS cause, amount"
        " FROM analytics_rollup WHERE kind = 'currency'",
        "reporting_events": f"SELECT subject AS type, day, {sums('events', 'held', 'valueless', 'late')},"
        f" CAST(SUM(CASE WHEN measure LIKE 'rejected %' THEN amount ELSE 0 END) AS {WHOLE[vendor]}) AS rejected"
        " FROM analytics_rollup WHERE kind = 'event' GROUP BY subject, day",
    }


def make(apps, schema_editor):
    for name, select in views(schema_editor.connection.vendor).items():
        schema_editor.execute(f"CREATE VIEW {name} AS {select}", params=None)


def unmake(apps, schema_editor):
    for name in views(schema_editor.connection.vendor):
        schema_editor.execute(f"DROP VIEW {name}", params=None)


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_figures")]
    operations = [migrations.RunPython(make, unmake)]
