"""What stands around every page of the console: navigation, search, who is here and where."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from anticheat.models import Finding
from gamification.console import navigation
from gamification.kernel.models import Event
from progress.models import Player
from progress.queries import beginning_with
from tests.support.authoring import achievement, designer, metric, send
from tests.support.console_forms import logged_in

pytestmark = pytest.mark.django_db


def places(client: Client, path: str = "/admin/") -> dict[str, list[str]]:
    return {desk: [place.label for place in shown] for desk, shown in client.get(path).context["navigation"]}


def hits(client: Client, text: str) -> list[tuple[str, str]]:
    found = client.get("/admin/find/", {"q": text}).context["found"]
    return [(hit.kind, hit.name) for hit in found]


def finding(**fields: object) -> Finding:
    now = timezone.now()
    given = {"player_id": "ann", "event_id": "e1", "type": "foe.beaten", "rule": "slow-down", **fields}
    return Finding.objects.create(timestamp=now, found_at=now, **given)


def event(player_id: str, event_id: str) -> Event:
    now = timezone.now() - timedelta(minutes=5)
    return Event.objects.create(
        player_id=player_id, event_id=event_id, type="foe.beaten", data={}, timestamp=now, received_at=now
    )


# -- navigation --------------------------------------------------------------------------------------------------------


def test_the_navigation_names_what_people_come_to_do_and_only_what_they_may_see(client: Client) -> None:
    mine = places(logged_in(client, "mia", "designers"))
    content = ["Achievements", "Quests", "Pools", "Rewards", "Currencies", "Levels", "Metrics"]
    assert mine["Design"][: len(content)] == content
    assert "Players" not in mine
    assert mine["Know"] == ["Analytics", "Versions", "Backfills"]
    assert mine["Set up"] == ["Rules", "Packs"]


def test_every_screen_is_a_place_or_among_the_internals(admin_client: Client) -> None:
    internals = admin_client.get("/admin/internals/").content.decode()
    for model in admin.site._registry:
        assert f'"/admin/{model._meta.app_label}/{model._meta.model_name}/"' in internals, model


def test_tables_behind_the_scenes_are_for_superusers(client: Client) -> None:
    logged_in(client, "ann", "analysts")
    assert client.get("/admin/internals/").status_code == 403
    assert "Internals" not in str(places(client))


@pytest.mark.parametrize(("group", "count"), [("reviewers", "1"), ("analysts", "")])
def test_a_count_is_shown_to_whoever_can_act_on_it(client: Client, group: str, count: str) -> None:
    finding()
    finding(event_id="e2", status=Finding.Status.FLAGGED)
    shown = dict(logged_in(client, group, group).get("/admin/").context["navigation"])["Players"]
    assert {place.label: place.count for place in shown}["Held events"] == count


def test_counting_stops_where_nobody_needs_to_know(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "MOST_COUNTED", 2)
    for number in range(4):
        finding(event_id=f"e{number}")
    shown = dict(logged_in(client, "rae", "reviewers").get("/admin/").context["navigation"])["Players"]
    assert {place.label: place.count for place in shown}["Held events"] == "2+"


def test_where_one_is_stands_out_alone(admin_client: Client) -> None:
    send(designer(), "metrics", metric())
    for path in ("/admin/progress/metric/", "/admin/progress/metric/kills/change/"):
        text = admin_client.get(path).content.decode()
        assert re.findall(r'href="([^"]+)" aria-current="page"', text) == ["/admin/progress/metric/"]


def test_the_corner_says_which_environment_and_who(client: Client) -> None:
    text = logged_in(client, "mia", "designers").get("/admin/").content.decode()
    assert re.search(r'class="environment elsewhere">\s*development', text)
    assert re.search(r"mia<span class=\"role\"> · designer", text)


def test_production_is_not_marked(admin_client: Client, settings: pytest.MonkeyPatch) -> None:
    settings.ENVIRONMENT_NAME = "production"  # type: ignore[attr-defined] # pytest-django's fixture
    assert "elsewhere" not in admin_client.get("/admin/").content.decode()


def test_every_place_is_read_in_25_queries(admin_client: Client) -> None:
    send(designer(), "metrics", metric())
    send(designer(), "achievements", *(achievement(f"hunter-{number}") for number in range(12)))
    for number in range(12):
        finding(event_id=f"e{number}")
        Player.objects.create(player_id=f"p{number}")
    shown = admin_client.get("/admin/").context["navigation"]
    for address in [place.address for _, places in shown for place in places]:
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(address).status_code == 200
        assert len(captured) <= 25, f"{address}: {len(captured)}"


# -- search ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def game() -> None:
    send(designer(), "metrics", metric())
    send(designer(), "achievements", achievement("hunter", title="The Great Hunter"))
    Player.objects.bulk_create([Player(player_id="hunter-1"), Player(player_id="the-hunter")])
    event("hunter-1", "e-17")
    event("the-hunter", "e-17")


@pytest.mark.usefixtures("game")
def test_one_box_finds_content_players_and_events(admin_client: Client) -> None:
    assert hits(admin_client, "Hunter") == [("achievement", "The Great Hunter")]
    assert hits(admin_client, "hunter") == [("achievement", "The Great Hunter"), ("player", "hunter-1")]
    assert hits(admin_client, "e-17") == [("event", "e-17"), ("event", "e-17")]
    assert hits(admin_client, "hunter-1 e-17") == [("event", "e-17")]
    assert hits(admin_client, "   ") == hits(admin_client, "nothing") == []


@pytest.mark.usefixtures("game")
def test_nobody_finds_what_they_may_not_see(client: Client) -> None:
    logged_in(client, "mia", "designers")
    assert hits(client, "hunter") == [("achievement", "The Great Hunter")]
    assert hits(client, "e-17") == []
    client.force_login(User.objects.create_user("new", is_staff=True))
    assert hits(client, "hunter") == []


@pytest.mark.usefixtures("game")
def test_the_box_is_answered_with_a_part_of_a_page(admin_client: Client) -> None:
    text = admin_client.get("/admin/find/", {"q": "great <b>", "part": "1"}).content.decode()
    assert "<html" not in text
    assert "great &lt;b&gt;" in text


@pytest.mark.usefixtures("game")
def test_a_search_reads_no_table_of_players_whole(admin_client: Client) -> None:
    with CaptureQueriesContext(connection) as captured:
        admin_client.get("/admin/find/", {"q": "hunter-1"})
    assert len(captured) <= 25
    plan = beginning_with("hunter-1").explain()
    assert "SCAN" not in plan if connection.vendor == "sqlite" else "player_id" in plan, plan


def test_the_player_of_sqlite_and_postgresql_is_found_by_the_same_beginning() -> None:
    Player.objects.bulk_create([Player(player_id=id_) for id_ in ("ann", "ann-1", "anna", "Ann", "bob", "an_n")])
    assert {player.pk for player in beginning_with("ann")} == {"ann", "ann-1", "anna"}
    assert {player.pk for player in beginning_with("an_")} == {"an_n"}


# -- look --------------------------------------------------------------------------------------------------------------

SHARED = ("ink", "soft", "card", "line", "track", "accent", "on-accent", "glow")


def test_the_console_has_the_colours_of_the_players_page() -> None:
    panel = (settings.BASE_DIR / "gamification/play/static/play/panel.css").read_text()
    console = (settings.BASE_DIR / "gamification/console/static/console/colours.css").read_text()
    for name in SHARED:
        day, night = re.findall(rf"--{name}: var\(--panel-{name}, (#\w+)\)", panel)
        assert f"--{name}: light-dark({day}, {night});" in console
