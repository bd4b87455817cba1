"""A kind of content has its place at the console and in packs; whoever adds one and forgets a place is told."""

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.test import RequestFactory

from gamification.console import groups, navigation, packs
from gamification.kernel.content.kinds import kinds

LABELS = {kind.model._meta.label_lower for kind in kinds()}


def test_a_pack_holds_every_kind() -> None:
    assert set(packs.ORDER) == {kind.plural for kind in kinds()}


def test_designers_may_author_every_kind_and_what_stands_within_it() -> None:
    authored = {f"{app}.{model}" for app, models in groups.CONTENT.items() for model in models}
    within = {
        related.related_model._meta.label_lower
        for kind in kinds()
        for related in kind.model._meta.related_objects
        if related.name in kind.lines and not isinstance(related.related_model, str)
    }
    assert authored == LABELS | within


def test_every_kind_stands_on_the_designers_desk() -> None:
    assert {place.leads_to for place in navigation.DESKS["Design"]} >= LABELS


def test_designers_can_fill_in_every_field_of_every_kind() -> None:
    missing = {}
    for kind in kinds():
        screen = admin.site.get_model_admin(kind.model)
        shown = flatten_fieldsets(screen.get_fieldsets(RequestFactory().get("/")))
        missing[kind.name] = kind.shape().fields.keys() - {*shown, *kind.lines}
    # Of a quest, what fails it stands among its requirements, in a role of its own.
    assert {name: fields for name, fields in missing.items() if fields} == {"quest": {"fail_conditions"}}
