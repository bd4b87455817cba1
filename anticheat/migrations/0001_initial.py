import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('progress', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('player_id', models.CharField(max_length=64)),
                ('event_id', models.CharField(max_length=64)),
                ('type', models.CharField(max_length=64)),
                ('rule', models.CharField(max_length=64)),
                ('values', models.JSONField(default=dict)),
                ('status', models.CharField(choices=[('HELD', 'Held'), ('RELEASED', 'Released'), ('DISMISSED', 'Dismissed'), ('FLAGGED', 'Flagged')], default='HELD', max_length=9)),
                ('timestamp', models.DateTimeField()),
                ('found_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(null=True)),
                ('decided_by', models.CharField(blank=True, db_default='', default='', max_length=160)),
                ('decision_reason', models.TextField(blank=True, db_default='', default='')),
            ],
            options={
                'indexes': [models.Index(fields=['status', 'id'], name='anticheat_f_status_5237cc_idx'), models.Index(fields=['rule', 'status', 'id'], name='findings_of_a_rule')],
                'constraints': [models.UniqueConstraint(fields=('player_id', 'event_id', 'rule'), name='one_finding_a_rule')],
            },
        ),
        migrations.CreateModel(
            name='Trail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('player_id', models.CharField(max_length=64)),
                ('rule', models.CharField(max_length=64)),
                ('seen', models.JSONField(default=list)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('player_id', 'rule'), name='one_trail_a_rule')],
            },
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField(max_length=64, unique=True)),
                ('kind', models.CharField(choices=[('VALUE_RANGE', 'value below minimum or above maximum'), ('MAX_PER_EVENT', 'one event is worth too much'), ('MAX_PER_WINDOW', 'too many events (or too much) in a time window'), ('COOLDOWN', 'too soon after the one before'), ('CLOCK_SKEW', 'timestamp too far from the clock')], max_length=16)),
                ('event_type', models.CharField(blank=True, default='', max_length=64)),
                ('minimum', models.FloatField(blank=True, null=True)),
                ('maximum', models.FloatField(blank=True, null=True)),
                ('seconds', models.PositiveIntegerField(blank=True, help_text='window, cooldown or greatest skew', null=True)),
                ('action', models.CharField(choices=[('HOLD', 'hold the event for a person to decide'), ('FLAG', 'let it count, but note it')], default='HOLD', max_length=4)),
                ('is_enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('metric', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='progress.metric')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('event_type', ''), ('metric__isnull', False)), models.Q(('metric__isnull', True), models.Q(('event_type', ''), _negated=True)), _connector='OR'), name='a_metric_or_an_event_type')],
            },
        ),
    ]
