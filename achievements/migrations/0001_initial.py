import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('progress', '0001_initial'),
        ('rewards', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Achievement',
            fields=[
                ('id', models.SlugField(help_text='Chosen once, never changed: first-blood', max_length=64, primary_key=True, serialize=False)),
                ('published', models.PositiveIntegerField(blank=True, editable=False, null=True)),
                ('tags', models.JSONField(blank=True, default=list)),
                ('has_changes', models.BooleanField(default=True, editable=False)),
                ('retired_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('serial', models.PositiveIntegerField(editable=False, unique=True)),
                ('title', models.CharField(max_length=120)),
                ('description', models.TextField(blank=True, default='')),
                ('type', models.CharField(choices=[('MILESTONE', 'Milestone'), ('COLLECTION', 'Collection'), ('PROGRESSION', 'Progression'), ('DISCOVERY', 'Discovery'), ('SKILL', 'Skill'), ('SOCIAL', 'Social'), ('CHALLENGE', 'Challenge'), ('SECRET', 'Secret')], default='MILESTONE', max_length=12)),
                ('category', models.CharField(choices=[('COMBAT', 'Combat'), ('EXPLORATION', 'Exploration'), ('COLLECTION', 'Collection'), ('SOCIAL', 'Social'), ('PROGRESSION', 'Progression'), ('COMPETITION', 'Competition'), ('STORY', 'Story'), ('EVENT', 'Event'), ('GENERAL', 'General')], default='GENERAL', max_length=12)),
                ('points', models.PositiveIntegerField(default=0)),
                ('match', models.JSONField(blank=True, default=str, help_text='"ALL" (empty), "ANY" or {"at_least": 2}')),
                ('repeat', models.CharField(choices=[('NEVER', 'Never'), ('DAILY', 'Daily'), ('WEEKLY', 'Weekly'), ('MONTHLY', 'Monthly'), ('ALWAYS', 'Always')], default='NEVER', max_length=8)),
                ('series', models.CharField(blank=True, default='', max_length=64)),
                ('tier', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('is_enabled', models.BooleanField(default=True)),
                ('starts_at', models.DateTimeField(blank=True, null=True)),
                ('ends_at', models.DateTimeField(blank=True, null=True)),
                ('icon', models.CharField(blank=True, default='', max_length=500)),
                ('min_seconds', models.PositiveIntegerField(blank=True, null=True)),
                ('metadata', models.JSONField(blank=True, default=dict)),
                ('backfill', models.CharField(choices=[('NOTIFY', 'Notify'), ('DIGEST', 'Digest'), ('SILENT', 'Silent')], default='DIGEST', max_length=8)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='AchievementPrerequisite',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('achievement', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prerequisites', to='achievements.achievement')),
                ('requires', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='achievements.achievement')),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='AchievementRequirement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('type', models.CharField(choices=[('COUNT', 'Count'), ('SUM', 'Sum'), ('MAX', 'Max'), ('MIN', 'Min'), ('LATEST', 'Latest'), ('DISTINCT', 'Distinct'), ('STREAK', 'Streak'), ('ACHIEVEMENT', 'Achievement'), ('QUEST', 'Quest'), ('LEVEL', 'Level')], max_length=12)),
                ('target', models.CharField(blank=True, default='', max_length=64)),
                ('operator', models.CharField(blank=True, choices=[('gt', 'Gt'), ('gte', 'Gte'), ('lt', 'Lt'), ('lte', 'Lte'), ('eq', 'Eq')], default='gte', max_length=3)),
                ('threshold', models.FloatField(blank=True, null=True)),
                ('duration', models.PositiveIntegerField(blank=True, null=True)),
                ('unit', models.CharField(blank=True, choices=[('minutes', 'Minutes'), ('hours', 'Hours'), ('days', 'Days')], default='', max_length=8)),
                ('achievement', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='requirements', to='achievements.achievement')),
                ('metric', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='progress.metric')),
            ],
            options={
                'ordering': ['position', 'id'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='AchievementReward',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('achievement', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rewards', to='achievements.achievement')),
                ('reward', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='rewards.reward')),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ProgressMark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('player_id', models.CharField(max_length=64)),
                ('achievement_id', models.CharField(max_length=64)),
                ('occurrence', models.CharField(default='0', max_length=40)),
                ('quarter', models.PositiveSmallIntegerField()),
                ('at', models.DateTimeField()),
                ('progress', models.FloatField()),
                ('metrics', models.JSONField(default=dict)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('player_id', 'achievement_id', 'occurrence', 'quarter'), name='one_mark_a_quarter')],
            },
        ),
        migrations.CreateModel(
            name='Standing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('player_id', models.CharField(max_length=64)),
                ('achievement_id', models.CharField(max_length=64)),
                ('occurrence', models.CharField(default='0', max_length=40)),
                ('memory', models.JSONField(default=dict)),
                ('completed_at', models.DateTimeField(null=True)),
                ('event_id', models.CharField(blank=True, default='', max_length=64)),
                ('version', models.PositiveIntegerField(default=0)),
                ('points', models.PositiveIntegerField(default=0)),
                ('final', models.JSONField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revoked_by', models.CharField(blank=True, db_default='', default='', max_length=160)),
                ('revoke_reason', models.TextField(blank=True, db_default='', default='')),
            ],
            options={
                'verbose_name_plural': "players' achievements",
                'constraints': [models.UniqueConstraint(fields=('player_id', 'achievement_id', 'occurrence'), name='one_standing')],
            },
        ),
    ]
