"""The URLs of content: the same for every kind, with views of its own so that the schema names its shape."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField
from django.urls import URLPattern, path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers

from gamification.kernel.content import drafts
from gamification.kernel.content.kinds import Kind
from gamification.kernel.content.views import (
    SEARCHES,
    BackfillShape,
    ContentDetail,
    ContentList,
    ContentPreview,
    ContentPublish,
    ContentRestore,
    ContentVersions,
    ContentView,
    OptionsShape,
)
from gamification.kernel.web.pages import one_of, paged
from gamification.kernel.web.strict_fields import ReasonShape


class WarningShape(serializers.Serializer[Any]):
    """What is odd but may be meant: it was saved, or published, all the same."""

    path = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class VersionShape(serializers.Serializer[Any]):
    """A published version. `definition` is what the content said then: fields that came later are not in it."""

    number = serializers.IntegerField()
    retired = serializers.BooleanField(help_text="Whether this version took it out of play.")
    at = serializers.DateTimeField()
    who = serializers.CharField()
    reason = serializers.CharField()


def routes(kind: Kind) -> list[URLPattern]:
    """The URLs of one kind, with views of its own so that the schema names its shape."""
    name = kind.name.capitalize()
    written = _made(f"{name}Shape", (kind.shape, OptionsShape))
    tried = _made(f"{name}TriedShape", (kind.shape,))(partial=True)
    read = _made(
        f"{name}Shape",
        (kind.shape,),
        created_at=serializers.DateTimeField(),
        updated_at=serializers.DateTimeField(),
        version=serializers.IntegerField(allow_null=True),
        draft=serializers.BooleanField(help_text="Whether it has changes that are not published; not for players."),
        answers_leave_out=("draft",),
    )
    counted = {name: serializers.IntegerField() for name in kind.also_counted}
    answer = _made(
        f"{name}SavedShape",
        (read,),
        backfill_id=serializers.IntegerField(allow_null=True),
        warnings=WarningShape(many=True),
        **counted,
    )
    said = _made(f"{name}DefinitionShape", (kind.shape,), answers_leave_out=tuple(kind.shape().fields))
    version = _made(f"{name}VersionShape", (VersionShape,), definition=said())
    seen = read if kind.shape_when_hidden is None else one_of(read, kind.shape_when_hidden)
    page, pages_of_versions = paged(read, kind.shape_when_hidden), paged(version)
    filters = [
        *page["parameters"],
        OpenApiParameter("state", enum=drafts.STATES, description="Without: all that is not retired."),
        *(_filter(kind, each) for each in kind.filters),
        *(OpenApiParameter(each, description="A player's id.") for each in kind.asked_of_players),
        OpenApiParameter("tags", description="One or more, parted by commas: what bears all of them."),
        OpenApiParameter("text", description=f"Looked for in {', '.join(kind.searched)}."),
        *(OpenApiParameter(each, description="Another name of `text`.", deprecated=True) for each in SEARCHES[1:]),
    ]

    def view(base: type[ContentView], suffix: str, **methods: tuple[str, dict[str, Any]]) -> Any:
        documented = {
            method: extend_schema(operation_id=f"{kind.plural}_{does}", **said)
            for method, (does, said) in methods.items()
        }
        made = _made(f"{name}{suffix}", (base,), kind=kind, __doc__=base.__doc__)
        return extend_schema_view(**documented)(made).as_view()

    of_all = view(
        ContentList,
        "List",
        get=("list", {"parameters": filters, "responses": page["responses"]}),
        post=("create", {"request": written, "responses": {201: answer}}),
    )
    of_one = view(
        ContentDetail,
        "Detail",
        get=("read", {"responses": seen}),
        patch=("update", {"request": written, "responses": answer}),
        delete=("retire", {"responses": {204: None}}),
    )
    publish = view(ContentPublish, "Publish", post=("publish", {"request": ReasonShape, "responses": answer}))
    restore = view(ContentRestore, "Restore", post=("restore", {"request": ReasonShape, "responses": answer}))
    preview = view(ContentPreview, "Preview", post=("preview", {"request": tried, "responses": {202: BackfillShape}}))
    versions = view(ContentVersions, "Versions", get=("versions", pages_of_versions))
    return [
        path(kind.plural, of_all),
        path(f"{kind.plural}/<str:id>", of_one),
        path(f"{kind.plural}/<str:id>/publish", publish),
        path(f"{kind.plural}/<str:id>/restore", restore),
        path(f"{kind.plural}/<str:id>/preview", preview),
        path(f"{kind.plural}/<str:id>/versions", versions),
    ]


def _filter(kind: Kind, name: str) -> OpenApiParameter:
    column: Any = kind.model._meta.get_field(name)
    if isinstance(column, BooleanField):
        return OpenApiParameter(name, bool, description=f"Only those whose `{name}` is so.")
    options = list(dict(column.choices)) if column.choices else None
    return OpenApiParameter(name, enum=options, description=f"Only those of this `{name}`.")


def _made(name: str, bases: tuple[type, ...], **attributes: Any) -> Any:
    metaclass: Any = type(bases[0])
    return metaclass(name, bases, attributes)
