from django.db import migrations, models

BITE = 500


def remember_each(apps, schema_editor):
    """Of each player who ever reached a level: the levels that the own events and the rewards' causes say, and those
    that they have now."""
    Player = apps.get_model("progress", "Player")
    Event = apps.get_model("kernel", "Event")
    Distribution = apps.get_model("rewards", "Distribution")
    newest = {version.content_id: version for version in _levels(apps)}
    published = [(v.definition["xp"], v.definition["level"]) for v in newest.values() if not v.retires]
    behind = Player.objects.filter(models.Q(top_level__gt=0) | models.Q(xp__gt=0)).order_by("player_id")
    last = ""
    while players := list(behind.filter(player_id__gt=last).values_list("player_id", "xp")[:BITE]):
        ids = [id_ for id_, _ in players]
        had = {id_: {level for at, level in published if at <= xp} for id_, xp in players}
        events = Event.objects.filter(player_id__in=ids, type="level.reached")
        for id_, data in events.values_list("player_id", "data"):
            had[id_].add(data["level"])
        given = Distribution.objects.filter(player_id__in=ids, source="LEVEL")
        for id_, level in given.values_list("player_id", "source_id"):
            had[id_].add(int(level))
        for id_, levels in had.items():
            Player.objects.filter(pk=id_).update(levels_had=_text(levels))
        last = ids[-1]


def remember_the_highest(apps, schema_editor):
    Player = apps.get_model("progress", "Player")
    for id_, levels in Player.objects.exclude(levels_had="").values_list("pk", "levels_had").iterator():
        Player.objects.filter(pk=id_).update(top_level=int(levels.replace("-", " ").split()[-1]))


def _levels(apps):
    return apps.get_model("kernel", "Version").objects.filter(kind="level").order_by("number")


def _text(levels):
    ranges = []
    for level in sorted(levels):
        if ranges and ranges[-1][1] == level - 1:
            ranges[-1][1] = level
        else:
            ranges.append([level, level])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


class Migration(migrations.Migration):
    dependencies = [
        ("progress", "0004_tally_rest"),
        ("kernel", "0001_initial"),
        ("rewards", "0001_initial"),
    ]

    operations = [
        migrations.AddField("player", "levels_had", models.TextField(blank=True, default="", db_default="")),
        migrations.RunPython(remember_each, remember_the_highest),
        # The column itself stays for processes of before that still run; those of now do not know it.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AlterField("player", "top_level", models.PositiveIntegerField(default=0, db_default=0))
            ],
            state_operations=[migrations.RemoveField("player", "top_level")],
        ),
    ]
