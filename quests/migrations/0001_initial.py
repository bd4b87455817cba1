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
            name='Pool',
            fields=[
                ('id', models.SlugField(help_text='Chosen once, never changed: first-blood', max_length=64, primary_key=True, serialize=False)),
                ('published', models.PositiveIntegerField(blank=True, editable=False, null=True)),
                ('tags', models.JSONField(blank=True, default=list)),
                ('has_changes', models.BooleanField(default=True, editable=False)),
                ('retired_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('pick', models.PositiveSmallIntegerField(default=1)),
                ('period', models.CharField(choices=[('DAILY', 'Daily'), ('WEEKLY', 'Weekly')], default='DAILY', max_length=6)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Quest',
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
                ('type', models.CharField(choices=[('MAIN', 'Main'), ('SIDE', 'Side'), ('DAILY', 'Daily'), ('WEEKLY', 'Weekly'), ('EVENT', 'Event'), ('TUTORIAL', 'Tutorial')], default='SIDE', max_length=8)),
                ('difficulty', models.CharField(choices=[('EASY', 'Easy'), ('NORMAL', 'Normal'), ('HARD', 'Hard'), ('EXPERT', 'Expert'), ('LEGENDARY', 'Legendary')], default='NORMAL', max_length=9)),
                ('time_limit', models.PositiveIntegerField(blank=True, help_text='Seconds from the start of a run', null=True)),
                ('start_date', models.DateTimeField(blank=True, null=True)),
                ('end_date', models.DateTimeField(blank=True, null=True)),
                ('repeat', models.CharField(choices=[('NEVER', 'Never'), ('DAILY', 'Daily'), ('WEEKLY', 'Weekly'), ('MONTHLY', 'Monthly'), ('ALWAYS', 'Always')], default='NEVER', max_length=8)),
                ('cooldown', models.PositiveIntegerField(blank=True, help_text='Seconds from the end of a run to the next start', null=True)),
                ('auto_start', models.BooleanField(default=False)),
                ('is_active', models.BooleanField(default=True)),
                ('min_seconds', models.PositiveIntegerField(blank=True, null=True)),
                ('metadata', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='PoolQuest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('pool', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='quests', to='quests.pool')),
                ('quest', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='quests.quest')),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='QuestRequirement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('type', models.CharField(choices=[('COUNT', 'Count'), ('SUM', 'Sum'), ('MAX', 'Max'), ('MIN', 'Min'), ('LATEST', 'Latest'), ('DISTINCT', 'Distinct'), ('STREAK', 'Streak'), ('ACHIEVEMENT', 'Achievement'), ('QUEST', 'Quest'), ('LEVEL', 'Level')], max_length=12)),
                ('target', models.CharField(blank=True, default='', max_length=64)),
                ('operator', models.CharField(blank=True, choices=[('gt', 'Gt'), ('gte', 'Gte'), ('lt', 'Lt'), ('lte', 'Lte'), ('eq', 'Eq')], default='gte', max_length=3)),
                ('threshold', models.FloatField(blank=True, null=True)),
                ('duration', models.PositiveIntegerField(blank=True, null=True)),
                ('unit', models.CharField(blank=True, choices=[('minutes', 'Minutes'), ('hours', 'Hours'), ('days', 'Days')], default='', max_length=8)),
                ('role', models.CharField(choices=[('START', 'to start the quest'), ('STEP', 'to complete a step'), ('FAIL', 'fails the quest')], default='STEP', max_length=5, verbose_name='for')),
                ('step', models.CharField(blank=True, default='', help_text="The step's id", max_length=64)),
                ('metric', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='progress.metric')),
                ('quest', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='requirements', to='quests.quest')),
            ],
            options={
                'ordering': ['position', 'id'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='QuestReward',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('step', models.CharField(blank=True, default='', help_text="A step's id; empty: of the whole quest", max_length=64)),
                ('quest', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rewards', to='quests.quest')),
                ('reward', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='rewards.reward')),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('player_id', models.CharField(max_length=64)),
                ('quest_id', models.CharField(max_length=64)),
                ('run', models.PositiveIntegerField()),
                ('is_newest', models.BooleanField(default=True)),
                ('version', models.PositiveIntegerField()),
                ('status', models.CharField(choices=[('IN_PROGRESS', 'In Progress'), ('COMPLETED', 'Completed'), ('FAILED', 'Failed'), ('EXPIRED', 'Expired'), ('ABANDONED', 'Abandoned')], default='IN_PROGRESS', max_length=11)),
                ('period', models.DateTimeField(null=True)),
                ('started_at', models.DateTimeField()),
                ('deadline', models.DateTimeField(null=True)),
                ('completed_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('state', models.JSONField(default=dict)),
            ],
            options={
                'verbose_name_plural': "players' quests",
                'indexes': [models.Index(condition=models.Q(('deadline__isnull', False), ('status', 'IN_PROGRESS')), fields=['deadline'], name='run_open_deadline'), models.Index(condition=models.Q(('status', 'IN_PROGRESS')), fields=['quest_id', 'version'], name='run_open')],
                'constraints': [models.UniqueConstraint(fields=('player_id', 'quest_id', 'run'), name='one_run_a_number'), models.UniqueConstraint(condition=models.Q(('is_newest', True)), fields=('player_id', 'quest_id'), name='one_newest_run')],
            },
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('step_id', models.CharField(max_length=64, verbose_name='id')),
                ('title', models.CharField(max_length=120)),
                ('description', models.TextField(blank=True, default='')),
                ('order', models.PositiveSmallIntegerField(default=1, help_text='Steps of one order run in parallel')),
                ('match', models.JSONField(blank=True, default=str, help_text='"ALL" (empty), "ANY" or {"at_least": 2}')),
                ('is_optional', models.BooleanField(default=False)),
                ('branch', models.CharField(blank=True, default='', max_length=64)),
                ('completed_by', models.CharField(choices=[('SERVER', 'Server'), ('PLAYER', 'Player')], default='SERVER', max_length=6)),
                ('quest', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='quests.quest')),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
    ]
