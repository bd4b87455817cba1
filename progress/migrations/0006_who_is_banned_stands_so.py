from django.db import migrations


def note(apps, schema_editor):
    """Have the standing of whoever is banned say so: a few rows, found by the index over those left out publicly."""
    players = apps.get_model('progress', 'Player').objects.using(schema_editor.connection.alias)
    players.filter(banned=True).update(standing='BANNED')


class Migration(migrations.Migration):

    dependencies = [
        ('progress', '0005_standing'),
    ]

    operations = [
        migrations.RunPython(note, migrations.RunPython.noop, hints={'model_name': 'player'}),
    ]
