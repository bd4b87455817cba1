"""Fields that every kind of content has, or that some got later."""

from __future__ import annotations

from typing import Any

import pytest

from gamification.kernel.content import publishing
from gamification.kernel.models import PublicationHead, Version
from tests.support.authoring import achievement, coins, designer, metric, player, quest, send
from tests.support.callers import assert_problem

pytestmark = pytest.mark.django_db

API = "/api/v1"
EVERY_KIND: list[tuple[str, Any]] = [
    ("metrics", {"id": "x", "event_type": "e"}),
    ("achievements", achievement("x")),
    ("quests", quest("x")),
    ("rewards", coins("x")),
    ("levels", {"level": 1, "xp": 0}),
    ("currencies", {"id": "x"}),
    ("pools", {"id": "x", "quests": ["trail"]}),
]


def ids(client: Any, path: str) -> list[str]:
    response = client.get(f"{API}/{path}")
    assert response.status_code == 200, response.content
    return [str(row.get("id", row.get("level"))) for row in response.json()["results"]]


@pytest.mark.parametrize(("plural", "body"), EVERY_KIND)
def test_every_kind_is_found_by_its_tags(plural: str, body: Any) -> None:
    studio = designer()
    send(studio, "metrics", metric())
    send(studio, "quests", quest("trail"))
    answer = studio.post(f"{API}/{plural}", {**body, "tags": ["boss", "winter-2026", "boss"]})
    assert (answer.status_code, answer.json()["tags"]) == (201, ["boss", "winter-2026"])
    id_ = str(body.get("id", 1))
    for reader in (studio, player()):
        assert ids(reader, f"{plural}?tags=boss") == [id_]
        assert ids(reader, f"{plural}?tags=winter-2026,boss") == [id_]
        assert ids(reader, f"{plural}?tags=bos") == []
        assert ids(reader, f"{plural}?tags=boss,summer") == []
    [version] = studio.get(f"{API}/{plural}/{id_}/versions").json()["results"]
    assert version["definition"]["tags"] == ["boss", "winter-2026"]
    assert_problem(studio.get(f"{API}/{plural}?tags=a b"), 400, "invalid", "tags")


@pytest.mark.parametrize(("plural", "body"), EVERY_KIND)
@pytest.mark.parametrize(
    ("tags", "path"), [([f"t{n}" for n in range(21)], "tags"), (["a b"], "tags[0]"), ([7], "tags[0]"), ("boss", "tags")]
)
def test_tags_are_at_most_20_slugs(plural: str, body: Any, tags: Any, path: str) -> None:
    response = designer().post(f"{API}/{plural}", {**body, "tags": tags})
    assert response.status_code == 400
    assert path in {error["path"] for error in response.json()["errors"]}


def test_a_secret_one_is_not_found_by_its_tags() -> None:
    studio = designer()
    send(studio, "metrics", metric())
    send(studio, "achievements", achievement("s-1", type="SECRET", tags=["boss"]))
    assert ids(studio, "achievements?tags=boss") == ["s-1"]
    assert ids(player(), "achievements?tags=boss") == []


@pytest.mark.parametrize(
    "icon", ["sword", "🗡", ":sword:", "https://cdn.example/i.png", "HTTPS://cdn.example/i", "/i.png", "i.png", "", None]
)
def test_an_icon_is_text_or_an_address_of_https_or_of_the_game(icon: str | None) -> None:
    send(designer(), "metrics", metric())
    response = designer().post(f"{API}/achievements", achievement(icon=icon))
    assert (response.status_code, response.json()["icon"]) == (201, icon or None)


@pytest.mark.parametrize(
    "icon",
    ["http://cdn.example/i.png", "javascript:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)",
     "\x01javascript:alert(1)", "data:image/svg+xml,<svg/>", "vbscript:x", "file:///etc/passwd", "Blob:x"],
)  # fmt: skip
def test_an_address_of_another_kind_is_no_icon(icon: str) -> None:
    assert_problem(designer().post(f"{API}/achievements", achievement(icon=icon)), 400, "invalid", "icon")


@pytest.mark.parametrize(("plural", "body"), [("achievements", achievement("x")), ("quests", quest("x"))])
def test_min_seconds_are_whole_seconds_or_none(plural: str, body: Any) -> None:
    studio = designer()
    send(studio, "metrics", metric())
    assert studio.post(f"{API}/{plural}", {**body, "min_seconds": 600}).json()["min_seconds"] == 600
    for wrong in (-1, 0, 1.5, "9", 2**31):
        assert_problem(studio.patch(f"{API}/{plural}/x", {"min_seconds": wrong}), 400, "invalid", "min_seconds")
    assert studio.patch(f"{API}/{plural}/x", {"min_seconds": None}).json()["min_seconds"] is None


def test_what_was_published_before_a_field_was_there_is_as_if_it_said_nothing_of_it() -> None:
    studio = designer()
    send(studio, "metrics", metric())
    send(studio, "achievements", achievement("hunter"))
    version = Version.objects.get(kind="achievement")
    for name in ("tags", "min_seconds"):
        del version.definition[name]
    version.save()
    PublicationHead.objects.update(token="another")  # what was compiled is compiled anew
    assert publishing.current().published["achievement"]["hunter"].definition["tags"] == []
    shown = player().get(f"{API}/achievements/hunter").json()
    assert (shown["tags"], shown["min_seconds"], shown["version"]) == ([], None, 1)
    assert studio.post(f"{API}/achievements/hunter/publish").json()["version"] == 1
