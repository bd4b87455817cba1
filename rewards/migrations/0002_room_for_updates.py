from django.db import migrations


def leave_room(apps, schema_editor):
    """With room on its page, a wallet's new version needs no new entry in any index."""
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('ALTER TABLE rewards_wallet SET (fillfactor = 90)')


def fill(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('ALTER TABLE rewards_wallet RESET (fillfactor)')


class Migration(migrations.Migration):

    dependencies = [
        ('rewards', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(leave_room, fill, hints={'model_name': 'wallet'}),  # in whichever schema has it
    ]
