"""Releases over HTTP: drafts that go live together. Approving is for people, on the console: a key is nobody."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.content import released, releasing
from gamification.kernel.content.releasing import (
    MAX_ITEMS,
    CancelRelease,
    EditRelease,
    OpenRelease,
    PublishRelease,
    ReleaseCommand,
    RevertRelease,
    ScheduleRelease,
    SubmitRelease,
    UnscheduleRelease,
)
from gamification.kernel.core import bus
from gamification.kernel.core.encoding import instant, parse_instant
from gamification.kernel.models import Release
from gamification.kernel.web import idempotent, paginate
from gamification.kernel.web.access import actor
from gamification.kernel.web.pages import paged
from gamification.kernel.web.parameters import chosen
from gamification.kernel.web.strict_fields import MAX_TEXT, Id, Instant, Listed, Nothing, Shape, Text, parse


class ReleaseItemWish(Shape):
    kind = Text(max_length=16)
    id = Id()


class ReleaseWish(Shape):
    title = Text(max_length=200)
    note = Text(max_length=MAX_TEXT, allow_blank=True, default="")
    items = Listed(child=ReleaseItemWish(), max_length=MAX_ITEMS, default=list)


class ReleaseChanges(Shape):
    title = Text(max_length=200, required=False)
    note = Text(max_length=MAX_TEXT, allow_blank=True, required=False)
    items = Listed(child=ReleaseItemWish(), max_length=MAX_ITEMS, required=False, default=serializers.empty)


class ScheduleWish(Shape):
    publish_at = Instant(help_text="Still to come.")


class ReleaseItemShape(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    digest = serializers.CharField(help_text="Of what it would put live. Empty: it is not there any more.")
    version = serializers.IntegerField(required=False, help_text="The version that goes live, or went live.")
    before = serializers.IntegerField(required=False, help_text="Which version was live before it; 0: none.")
    retires = serializers.BooleanField(required=False, help_text="It is taken out of play.")


class ApprovalShape(serializers.Serializer[Any]):
    who = serializers.CharField()
    at = serializers.DateTimeField()


class ReleaseShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    title = serializers.CharField()
    note = serializers.CharField()
    items = ReleaseItemShape(many=True)
    state = serializers.ChoiceField(choices=Release.State.values)
    approvals = ApprovalShape(many=True, help_text="Those that an edit has made void are not among them.")
    publish_at = serializers.DateTimeField(allow_null=True)
    detail = serializers.CharField(help_text="Why it did not go live at its hour.")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    published_at = serializers.DateTimeField(allow_null=True)
    publication = serializers.IntegerField(allow_null=True)
    reverts = serializers.IntegerField(allow_null=True, help_text="The release of which it restores what was before.")


_page = paged(ReleaseShape)


class ReleaseView(APIView):
    scopes: ClassVar = {"GET": "content:read", "POST": "content:write", "PATCH": "content:write"}


class Releases(ReleaseView):
    """Lists releases, newest first, or makes one of drafts."""

    @extend_schema(
        operation_id="releases_list",
        parameters=[
            OpenApiParameter("state", enum=Release.State.values, required=False),
            *_page["parameters"],
        ],
        responses=_page["responses"],
    )
    def get(self, request: Request) -> Response:
        """Lists releases, newest first. Whatever was published is in one."""
        state = chosen(request, "state", Release.State.values)
        found = Release.objects.all() if state is None else Release.objects.filter(state=state)
        return paginate(request, found, ordering=["-id"], show=shown)

    @extend_schema(operation_id="releases_create", request=ReleaseWish, responses={201: ReleaseShape})
    @idempotent
    def post(self, request: Request) -> Response:
        """Makes a release of drafts, which stay as they are."""
        return _done(request, OpenRelease(**parse(ReleaseWish, request.data)), status=201)


class OneRelease(ReleaseView):
    """Reads a release, or changes what it holds."""

    @extend_schema(operation_id="releases_read", responses=ReleaseShape)
    def get(self, request: Request, id: int) -> Response:
        """Reads one release."""
        return Response(shown(releasing.find(id)))

    @extend_schema(operation_id="releases_update", request=ReleaseChanges, responses=ReleaseShape)
    def patch(self, request: Request, id: int) -> Response:
        """Changes title, note or items. Other items have to be approved anew."""
        return _done(request, EditRelease(id=id, changes=parse(ReleaseChanges, request.data)))


class ReleaseStep(ReleaseView):
    command: type[ReleaseCommand]

    @idempotent
    def post(self, request: Request, id: int) -> Response:
        parse(Nothing, request.data)
        return _done(request, self.command(id=id))


_step: Any = {"request": Nothing, "responses": ReleaseShape}


@extend_schema_view(post=extend_schema(operation_id="releases_submit", **_step))
class Submit(ReleaseStep):
    """Asks others to look at it. Where nobody has to, it is approved with that."""

    command = SubmitRelease


@extend_schema_view(post=extend_schema(operation_id="releases_publish", **_step))
class Publish(ReleaseStep):
    """Puts all of it live, in one publication, or nothing."""

    command = PublishRelease


@extend_schema_view(post=extend_schema(operation_id="releases_unschedule", **_step))
class Unschedule(ReleaseStep):
    """Takes its schedule back: its drafts may be edited again."""

    command = UnscheduleRelease


@extend_schema_view(post=extend_schema(operation_id="releases_cancel", **_step))
class Cancel(ReleaseStep):
    """Gives it up. Its drafts stay as they are."""

    command = CancelRelease


class Revert(ReleaseView):
    """Makes a release that restores what was live before this one, and retires what this one made."""

    @extend_schema(operation_id="releases_revert", request=Nothing, responses=ReleaseShape)
    @idempotent
    def post(self, request: Request, id: int) -> Response:
        parse(Nothing, request.data)
        return _done(request, RevertRelease(id=id))


class Schedule(ReleaseView):
    """Has it go live at an hour. Until then its drafts cannot be edited."""

    @extend_schema(operation_id="releases_schedule", request=ScheduleWish, responses=ReleaseShape)
    @idempotent
    def post(self, request: Request, id: int) -> Response:
        at = parse_instant(parse(ScheduleWish, request.data)["publish_at"])
        return _done(request, ScheduleRelease(id=id, publish_at=at))


def _done(request: Request, command: ReleaseCommand, status: int = 200) -> Response:
    return Response(shown(bus.handle(command, actor=actor(request), now=timezone.now())), status=status)


def shown(release: Release) -> dict[str, Any]:
    items = released.items_of(release)
    if release.state in releasing.UNDER_WAY:
        items = released.as_they_stand(items)
    approvals = release.approvals if release.published_at else released.approvals(release, items)
    return {
        "id": release.pk,
        "title": release.title,
        "note": release.note,
        "items": [item.kept() for item in items],
        "state": str(releasing.state_of(release, items)),
        "approvals": [{"who": each["who"], "at": each["at"]} for each in approvals],
        "publish_at": instant(release.publish_at) if release.publish_at else None,
        "detail": release.detail,
        "created_at": instant(release.created_at),
        "created_by": release.created_by,
        "published_at": instant(release.published_at) if release.published_at else None,
        "publication": release.publication,
        "reverts": release.reverts,
    }
