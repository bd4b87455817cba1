"""The console with shares: every screen of players' rows shows one share, every page finds its row."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from anticheat.models import Finding
from gamification.kernel.console.readonly_admin import page_of
from gamification.kernel.models import Event
from gamification.kernel.storage import shares
from tests.support import game
from tests.support.game import API, event
from tests.support.sharing import everywhere, in_share, one_of_each

MODELS = [model for model in apps.get_models() if model in admin.site._registry]


@pytest.fixture
def console() -> Client:
    server = game.make()
    for player in one_of_each():
        events = [event(f"e{n}", player, "enemy.killed", {"damage": n}) for n in range(3)]
        events.append(event("held", player, "enemy.killed", {"damage": 1e6}))
        server.post(f"{API}/events", {"events": events})
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_every_screen_opens_and_every_page_of_a_players_row(console: Client) -> None:
    for model in MODELS:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert console.get(address).status_code == 200, address
        if not shares.is_owned(model):
            continue
        for share in shares.every():
            page = console.get(f"{address}?share={share}")
            assert page.status_code == 200, address
            shown = {row.pk for row in page.context["cl"].result_list}
            assert shown == set(in_share(share, model._default_manager.values_list("pk", flat=True)))
        for row in everywhere(model._default_manager.all()):
            assert console.get(page_of(row)).status_code == 200, page_of(row)


def test_a_player_who_is_searched_for_is_found_in_their_share(console: Client) -> None:
    address = reverse("admin:kernel_event_changelist")
    for player in one_of_each():
        page = console.get(f"{address}?q={player}")
        assert {row.player_id for row in page.context["cl"].result_list} == {player}
        assert page.context["cl"].result_list


def test_a_list_is_taken_along_from_the_share_that_it_shows(console: Client) -> None:
    for share in shares.every():
        address = reverse("admin:kernel_event_changelist") + f"?share={share}"
        keys = in_share(share, Event.objects.values_list("pk", flat=True))
        form = {"action": "download_selected", "_selected_action": keys[:1], "select_across": "1"}
        assert len(console.post(address, form).getvalue().splitlines()) == len(keys) + 1


def test_a_decision_is_made_in_the_row_s_share(console: Client) -> None:
    for finding in everywhere(Finding.objects.filter(status="HELD")):
        share = shares.share_of(finding.player_id)
        address = reverse("admin:anticheat_finding_changelist") + f"?share={share}"
        form = {"action": "release_selected", "_selected_action": finding.pk, "reason": "fair"}
        assert console.post(address, form).status_code == 302
        [now] = in_share(share, Finding.objects.filter(pk=finding.pk))
        assert (now.status, now.decision_reason) == ("RELEASED", "fair")
    assert not everywhere(Event.objects.filter(state=Event.State.HELD))
