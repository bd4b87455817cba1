from django.db import migrations


def narrow(apps, schema_editor):
    """Columns and an index that Django has no words for. kernel.event_columns says why."""
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('ALTER TABLE kernel_event ALTER COLUMN data TYPE json')
        schema_editor.execute('ALTER TABLE kernel_event DROP CONSTRAINT one_event_once')
        schema_editor.execute("""
            CREATE UNIQUE INDEX one_event_once ON kernel_event (
                hashtextextended(player_id, 0), hashtextextended(player_id || ' ' || event_id, 0)
            )
        """)


def widen(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('DROP INDEX one_event_once')
        schema_editor.execute('ALTER TABLE kernel_event ADD CONSTRAINT one_event_once UNIQUE (player_id, event_id)')
        schema_editor.execute('ALTER TABLE kernel_event ALTER COLUMN data TYPE jsonb')


class Migration(migrations.Migration):

    dependencies = [
        ('kernel', '0003_audit_log'),
    ]

    operations = [
        migrations.RunPython(narrow, widen, hints={'model_name': 'event'}),  # in whichever schema has that table
    ]
