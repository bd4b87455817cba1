from django.db import migrations, models

REFUSAL = 'the audit log is append only'

# A row may change in one way: what it says of a player who is being erased is emptied.
EMPTIED = """
    OLD.player_id <> '' AND NEW.player_id = '' AND NEW.subject_id = '' AND NEW.reason = ''
    AND NEW.before IS NULL AND NEW.after IS NULL
    AND NEW.actor = (CASE WHEN OLD.actor = 'player:' || OLD.player_id THEN 'player:' ELSE OLD.actor END)
    AND NEW.id = OLD.id AND NEW.at = OLD.at AND NEW.action = OLD.action AND NEW.kind = OLD.kind
    AND NEW.request_id = OLD.request_id
"""

POSTGRESQL = f"""
    CREATE FUNCTION kernel_auditentry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND ({EMPTIED}) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
    END $$;
    CREATE TRIGGER kernel_auditentry_append_only BEFORE UPDATE OR DELETE ON kernel_auditentry
        FOR EACH ROW EXECUTE FUNCTION kernel_auditentry_append_only();
"""
SQLITE = (
    f"""
    CREATE TRIGGER kernel_auditentry_no_update BEFORE UPDATE ON kernel_auditentry WHEN NOT ({EMPTIED})
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
    f"""
    CREATE TRIGGER kernel_auditentry_no_delete BEFORE DELETE ON kernel_auditentry
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
)


def refuse_changes(apps, schema_editor):
    for statement in (POSTGRESQL,) if schema_editor.connection.vendor == 'postgresql' else SQLITE:
        schema_editor.execute(statement)


def allow_changes(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('DROP FUNCTION kernel_auditentry_append_only() CASCADE')


class Migration(migrations.Migration):

    dependencies = [
        ('kernel', '0002_pseudonym_key'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(max_length=160)),
                ('action', models.CharField(max_length=64)),
                ('kind', models.CharField(blank=True, max_length=32)),
                ('subject_id', models.CharField(blank=True, max_length=160, verbose_name='id of it')),
                ('player_id', models.CharField(blank=True, max_length=64)),
                ('reason', models.TextField(blank=True)),
                ('before', models.JSONField(blank=True, null=True)),
                ('after', models.JSONField(blank=True, null=True)),
                ('request_id', models.CharField(blank=True, max_length=64)),
            ],
            options={
                'verbose_name_plural': 'audit log',
                'indexes': [models.Index(condition=models.Q(('player_id', ''), _negated=True), fields=['player_id', 'id'], name='audit_of_a_player'), models.Index(fields=['kind', 'subject_id', 'id'], name='audit_of_a_subject'), models.Index(fields=['actor', 'id'], name='audit_of_an_actor'), models.Index(fields=['action', 'id'], name='audit_of_an_action'), models.Index(fields=['at', 'id'], name='audit_in_time')],
            },
        ),
        migrations.RunPython(refuse_changes, allow_changes),
    ]
