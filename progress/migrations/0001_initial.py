import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('rewards', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Backfill',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('publication', models.PositiveIntegerField(default=0)),
                ('mode', models.CharField(default='DIGEST', max_length=8)),
                ('preview', models.JSONField(null=True)),
                ('state', models.CharField(choices=[('PENDING', 'Pending'), ('RUNNING', 'Running'), ('DONE', 'Done'), ('FAILED', 'Failed')], default='PENDING', max_length=8)),
                ('players_done', models.PositiveIntegerField(default=0)),
                ('players_total', models.PositiveIntegerField(default=0)),
                ('would_complete', models.PositiveIntegerField(default=0)),
                ('cursor', models.CharField(blank=True, default='', max_length=64)),
                ('detail', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('asked_by', models.CharField(blank=True, db_default='', default='', max_length=160)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='ErasedPlayer',
            fields=[
                ('hash', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('erased_at', models.DateTimeField()),
                ('erased_by', models.CharField(blank=True, db_default='', default='', max_length=160)),
            ],
        ),
        migrations.CreateModel(
            name='HomeZone',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField(null=True)),
                ('name', models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='LeftOut',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('player_id', models.CharField(max_length=64, unique=True)),
                ('backfilled_to', models.PositiveIntegerField()),
                ('reason', models.CharField(max_length=300)),
                ('backfill', models.BigIntegerField(null=True)),
                ('tried_at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'players left out of backfills',
            },
        ),
        migrations.CreateModel(
            name='Level',
            fields=[
                ('id', models.SlugField(help_text='Chosen once, never changed: first-blood', max_length=64, primary_key=True, serialize=False)),
                ('published', models.PositiveIntegerField(blank=True, editable=False, null=True)),
                ('tags', models.JSONField(blank=True, default=list)),
                ('has_changes', models.BooleanField(default=True, editable=False)),
                ('retired_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('level', models.PositiveIntegerField(unique=True)),
                ('xp', models.BigIntegerField(help_text='Cumulative experience at which the level is reached')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Metric',
            fields=[
                ('id', models.SlugField(help_text='Chosen once, never changed: first-blood', max_length=64, primary_key=True, serialize=False)),
                ('published', models.PositiveIntegerField(blank=True, editable=False, null=True)),
                ('tags', models.JSONField(blank=True, default=list)),
                ('has_changes', models.BooleanField(default=True, editable=False)),
                ('retired_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('name', models.CharField(max_length=120)),
                ('description', models.TextField(blank=True, default='')),
                ('unit', models.CharField(blank=True, default='', max_length=32)),
                ('event_type', models.CharField(max_length=64)),
                ('value_field', models.CharField(blank=True, default='', max_length=120)),
                ('member_field', models.CharField(blank=True, default='', max_length=120)),
                ('reported_by', models.CharField(choices=[('SERVER', 'Server'), ('PLAYER', 'Player')], default='SERVER', max_length=8)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='LevelReward',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('level', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rewards', to='progress.level')),
                ('reward', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='rewards.reward')),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='MemberSeen',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('player_id', models.CharField(max_length=64)),
                ('metric_id', models.CharField(max_length=64)),
                ('scope', models.CharField(blank=True, default='', max_length=160)),
                ('member', models.CharField(max_length=90)),
            ],
            options={
                'verbose_name_plural': 'members seen',
                'constraints': [models.UniqueConstraint(fields=('player_id', 'metric_id', 'scope', 'member'), name='one_member_once')],
            },
        ),
        migrations.CreateModel(
            name='MetricCondition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('field', models.CharField(max_length=120)),
                ('op', models.CharField(choices=[('eq', 'Eq'), ('ne', 'Ne'), ('gt', 'Gt'), ('gte', 'Gte'), ('lt', 'Lt'), ('lte', 'Lte'), ('in', 'In'), ('not_in', 'Not In'), ('exists', 'Exists')], max_length=8)),
                ('value', models.JSONField(blank=True, null=True)),
                ('metric', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='conditions', to='progress.metric')),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='MetricDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('metric_id', models.CharField(max_length=64)),
                ('day', models.DateField()),
                ('samples', models.BigIntegerField(default=0)),
                ('no_value', models.BigIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('metric_id', 'day'), name='one_row_a_metric_day')],
            },
        ),
        migrations.CreateModel(
            name='Player',
            fields=[
                ('player_id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('display_name', models.CharField(blank=True, default='', max_length=120)),
                ('zones', models.JSONField(default=list)),
                ('attributes', models.JSONField(default=dict)),
                ('points', models.BigIntegerField(default=0)),
                ('xp', models.BigIntegerField(default=0)),
                ('level', models.PositiveIntegerField(default=0)),
                ('levels_had', models.TextField(blank=True, db_default='', default='')),
                ('owed_points', models.BigIntegerField(default=0)),
                ('owed_xp', models.BigIntegerField(default=0)),
                ('achievements_completed', models.PositiveIntegerField(default=0)),
                ('quests_completed', models.PositiveIntegerField(default=0)),
                ('last_seq', models.BigIntegerField(default=0)),
                ('backfilled_to', models.PositiveIntegerField(default=0)),
                ('earned', models.BinaryField(default=b'')),
                ('revoked', models.BinaryField(default=b'')),
                ('had_before', models.BinaryField(db_default=b'', default=b'')),
                ('quests_done', models.BinaryField(default=b'')),
                ('quests_open', models.BinaryField(default=b'')),
                ('quests_begun', models.BinaryField(default=b'')),
                ('banned', models.BooleanField(default=False)),
                ('banned_at', models.DateTimeField(null=True)),
                ('banned_by', models.CharField(blank=True, db_default='', default='', max_length=160)),
                ('token_generation', models.PositiveIntegerField(db_default=0, default=0)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'indexes': [models.Index(fields=['backfilled_to'], name='player_backfilled_to')],
            },
        ),
        migrations.CreateModel(
            name='Rarity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=16)),
                ('content_id', models.CharField(max_length=64)),
                ('players', models.PositiveBigIntegerField()),
                ('holders', models.PositiveBigIntegerField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'rarities',
                'constraints': [models.UniqueConstraint(fields=('kind', 'content_id'), name='one_rarity_a_content')],
            },
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('player_id', models.CharField(max_length=64)),
                ('metric_id', models.CharField(max_length=64)),
                ('scope', models.CharField(blank=True, default='', max_length=160)),
                ('count', models.BigIntegerField(default=0)),
                ('sum', models.FloatField(default=0)),
                ('rest', models.TextField(blank=True, db_default='', default='')),
                ('max', models.FloatField(null=True)),
                ('min', models.FloatField(null=True)),
                ('latest', models.FloatField(null=True)),
                ('latest_at', models.DateTimeField(null=True)),
                ('latest_id', models.CharField(blank=True, default='', max_length=64)),
                ('members', models.PositiveIntegerField(default=0)),
                ('runs', models.TextField(blank=True, default='')),
            ],
            options={
                'verbose_name_plural': 'tallies',
                'constraints': [models.UniqueConstraint(fields=('player_id', 'metric_id', 'scope'), name='one_tally_a_scope')],
            },
        ),
        migrations.CreateModel(
            name='WindowSample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('player_id', models.CharField(max_length=64)),
                ('metric_id', models.CharField(max_length=64)),
                ('at', models.DateTimeField()),
                ('event_id', models.CharField(max_length=64)),
                ('value', models.FloatField()),
                ('member', models.CharField(blank=True, default='', max_length=90)),
                ('arrival', models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('player_id', 'metric_id', 'at', 'event_id'), name='one_sample_once')],
            },
        ),
    ]
