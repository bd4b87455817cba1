import secrets

from django.db import migrations


def make_key(apps, schema_editor):
    """Made here, so that no transaction which is rolled back can be the one that made it."""
    keys = apps.get_model('kernel', 'PseudonymKey').objects.using(schema_editor.connection.alias)
    keys.get_or_create(pk=1, defaults={'key': secrets.token_bytes(32)})


class Migration(migrations.Migration):

    dependencies = [
        ('kernel', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(make_key, migrations.RunPython.noop),
    ]
