"""Content over HTTP: the same routes for every kind.

A game server reads and edits drafts; a player reads what is published, as far as it is not hidden from that player.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import BooleanField, Q, prefetch_related_objects
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.content import drafts, editing, kinds, publishing
from gamification.kernel.content.drafts import UnknownContent
from gamification.kernel.content.editing import Saved
from gamification.kernel.content.kinds import Kind
from gamification.kernel.content.publishing import Definition
from gamification.kernel.content.retiring import RestoreContent, RetireContent
from gamification.kernel.core import bus
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.models import Content, Version
from gamification.kernel.web import idempotent, paginate, paginate_list, strict_fields
from gamification.kernel.web.access import GameServer, PlayerToken, acting_player, actor, principal
from gamification.kernel.web.parameters import bad_parameter, chosen
from gamification.kernel.web.strict_fields import Flag, ReasonShape, Shape, Text


class OptionsShape(Shape):
    """What may be said beside the content itself."""

    draft = Flag(default=False)
    reason = Text(max_length=strict_fields.MAX_TEXT, allow_blank=True, default="")


class LeftOutShape(Shape):
    player_id = serializers.CharField()
    reason = serializers.CharField()


class ShareShape(Shape):
    """A share with its 95 % interval, by Wilson."""

    value = serializers.FloatField(min_value=0, max_value=1)
    low = serializers.FloatField(min_value=0, max_value=1)
    high = serializers.FloatField(min_value=0, max_value=1)


class DaysShape(Shape):
    p50 = serializers.FloatField(allow_null=True)
    p90 = serializers.FloatField(allow_null=True)


class BackfillShape(Shape):
    """A backfill, or the preview of one: while that runs, its figures are those of a sample of the players."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=["PENDING", "RUNNING", "DONE", "FAILED"])
    players_done = serializers.IntegerField()
    players_total = serializers.IntegerField()
    would_complete = serializers.IntegerField()
    share = ShareShape(allow_null=True, help_text="Of the players looked at, who would complete it. Null: none was.")
    days = DaysShape(help_text="From a player's first event until they would complete it.")
    pays = serializers.DictField(child=serializers.IntegerField(), help_text="What that would pay, by currency.")
    sample = serializers.ListField(child=serializers.CharField(), help_text="Ten of them, by id.")
    gains = serializers.IntegerField(help_text="Players who would complete it and do not have it.")
    keeps = serializers.IntegerField(help_text="Players who have it already, and keep it.")
    detail = serializers.CharField(help_text="Why it failed.")
    left_out = LeftOutShape(many=True, help_text="Whose past could not be replayed; tried again by the next backfill.")


SEARCHES = ("text", "q", "search")
"""The names by which a list is searched; the first is the one to use."""


class ContentView(APIView):
    kind: Kind
    scopes: Mapping[str, str] = {
        "GET": "content:read",
        "POST": "content:write",
        "PATCH": "content:write",
        "DELETE": "content:write",
    }


class ContentList(ContentView):
    """Lists content, or creates it (published at once unless `"draft": true`)."""

    player_may = frozenset({"GET"})

    def get(self, request: Request) -> Response:
        """Lists content. A game server sees drafts as they stand, a player what is published and not hidden."""
        caller = principal(request)
        if isinstance(caller, PlayerToken):
            return self._for_player(request, caller.player_id)
        state = chosen(request, "state", drafts.STATES)
        rows = drafts.in_state(self.kind.model._default_manager.all(), drafts.DraftState(state) if state else None)
        rows = rows.filter(_wanted(self.kind, request))
        rows = drafts.tagged(rows, _tags(request))
        if (let_through := _for_named_player(self.kind, request)) is not None:
            rows = rows.filter(pk__in=let_through)
        published = publishing.current().published.get(self.kind.name, {})

        def as_published(draft: Content) -> Definition | None:
            """What is published, where the draft says just that: it is at hand, the draft's lines are not."""
            found = published.get(str(draft.pk))
            if found is None or found.retired or draft.has_changes or draft.published != found.version:
                return None  # retiring notes no changes, whatever the draft says
            return found.definition

        return paginate(
            request,
            rows,
            ordering=[self.kind.order],
            fetch=lambda page: prefetch_related_objects(
                [draft for draft in page if as_published(draft) is None], *self.kind.lines
            ),
            show=lambda draft: shown(self.kind, draft, as_published(draft)),
        )

    def _for_player(self, request: Request, player_id: PlayerId) -> Response:
        hidden = kinds.hidden(player_id)
        _wanted(self.kind, request)  # refuses what no filter takes
        state = chosen(request, "state", drafts.STATES)
        let_through = _for_named_player(self.kind, request)
        found = {}
        for id_, item in publishing.current().published.get(self.kind.name, {}).items():
            is_left_out = (
                item.retired
                or state not in (None, "PUBLISHED")  # players see nothing else
                or (let_through is not None and id_ not in let_through)
            )
            seen = None if is_left_out else self.kind.shown(item.definition, hidden)
            if seen is not None and _matches(self.kind, seen, seen.keys() == item.definition.keys(), request):
                found[id_] = (seen, item.version)
        key = (lambda id_: int(id_)) if self.kind.key == "level" else (lambda id_: id_)
        response = paginate_list(request, sorted(found, key=key), key=key)
        rows = self.kind.model._default_manager.in_bulk(response.data["results"])
        response.data["results"] = [
            _for_a_player(self.kind, rows.get(id_), *found[id_]) for id_ in response.data["results"]
        ]
        return response

    @idempotent
    def post(self, request: Request) -> Response:
        """Creates content. It is published at once, unless `"draft": true`."""
        definition, options = _options(request.data)
        command = editing.CreateContent(kind=self.kind.name, definition=definition, **options)
        return Response(saved(self.kind, bus.handle(command, actor=actor(request), now=timezone.now())), status=201)


class ContentDetail(ContentView):
    """Reads, changes (publishing unless `"draft": true`) or retires one piece of content."""

    player_may = frozenset({"GET"})

    def get(self, request: Request, id: str) -> Response:
        """Reads one piece of content. A game server sees the draft as it stands, a player what is published."""
        caller = principal(request)
        if isinstance(caller, GameServer):
            return Response(shown(self.kind, drafts.find(self.kind, id)))
        item = publishing.current().published.get(self.kind.name, {}).get(id)
        seen = None
        if item is not None and not item.retired:
            seen = self.kind.shown(item.definition, kinds.hidden(caller.player_id))
        if item is None or seen is None:
            raise UnknownContent(self.kind, id)
        draft = self.kind.model._default_manager.filter(pk=id).first()
        return Response(_for_a_player(self.kind, draft, seen, item.version))

    def patch(self, request: Request, id: str) -> Response:
        """Changes the fields that are sent. What comes of it is published at once, unless `"draft": true`."""
        changes, options = _options(request.data)
        command = editing.UpdateContent(kind=self.kind.name, id=id, changes=changes, **options)
        return Response(saved(self.kind, bus.handle(command, actor=actor(request), now=timezone.now())))

    def delete(self, request: Request, id: str) -> Response:
        """Retires content. Players keep what they have; refused while something still needs it."""
        command = RetireContent(kind=self.kind.name, id=id)
        bus.handle(command, actor=actor(request), now=timezone.now())
        return Response(status=204)


class ContentPublish(ContentView):
    """Publishes the draft as it stands."""

    @idempotent
    def post(self, request: Request, id: str) -> Response:
        reason = strict_fields.parse(ReasonShape, request.data)["reason"]
        command = editing.PublishContent(kind=self.kind.name, id=id, reason=reason)
        return Response(saved(self.kind, bus.handle(command, actor=actor(request), now=timezone.now())))


class ContentRestore(ContentView):
    """Brings retired content back as it was; nothing happens to what is not retired."""

    @idempotent
    def post(self, request: Request, id: str) -> Response:
        reason = strict_fields.parse(ReasonShape, request.data)["reason"]
        command = RestoreContent(kind=self.kind.name, id=id, reason=reason)
        return Response(saved(self.kind, bus.handle(command, actor=actor(request), now=timezone.now())))


class ContentPreview(ContentView):
    """Counts in the background who would complete the draft, with the changes in the body made to it."""

    @idempotent
    def post(self, request: Request, id: str) -> Response:
        command = editing.PreviewContent(kind=self.kind.name, id=id, changes=request.data)
        return Response(backfill_shown(bus.handle(command, actor=actor(request), now=timezone.now())), status=202)


class ContentVersions(ContentView):
    """Every published version, newest first: what it said, when, by whom and why."""

    def get(self, request: Request, id: str) -> Response:
        versions = Version.objects.filter(kind=self.kind.name, content_id=id)
        if not strict_fields.ID.fullmatch(id) or not versions.exists():
            drafts.find(self.kind, id)  # refuses what never was
        return paginate(request, versions, ordering=["-number"], show=_version)


# -- requests ----------------------------------------------------------------------------------------------------------


def _options(data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The body without what is said beside the content, and that."""
    beside = {name: data[name] for name in ("draft", "reason") if name in data}
    return {name: value for name, value in data.items() if name not in beside}, strict_fields.parse(
        OptionsShape, beside
    )


def _wanted(kind: Kind, request: Request) -> Q:
    """The filters of a list as a query over drafts. Raises Invalid for a value that a filter cannot have."""
    wanted = Q()
    for name, text in _filters(kind, request).items():
        wanted &= Q(**{name: _value(kind, name, text)})
    if text := _search(request):
        found = Q()
        for name in kind.searched:
            found |= Q(**{f"{name}__icontains": text})
        wanted &= found
    return wanted


def _filters(kind: Kind, request: Request) -> dict[str, str]:
    return {name: request.query_params[name] for name in kind.filters if name in request.query_params}


def _for_named_player(kind: Kind, request: Request) -> set[str] | None:
    """The ids that the filters which name a player let through; None: there is no such filter in the request."""
    found: set[str] | None = None
    for name, let_through in kind.asked_of_players.items():
        if name in request.query_params:
            player_id = acting_player(request, request.query_params[name], path=name)
            ids = set(let_through(player_id, timezone.now()))
            found = ids if found is None else found & ids
    return found


def _search(request: Request) -> str:
    for name in SEARCHES:
        if text := request.query_params.get(name):
            if "\0" in text:
                raise bad_parameter(name, "U+0000 is not allowed.")
            return text
    return ""


def _tags(request: Request) -> list[str]:
    text = request.query_params.get("tags", "")
    tags = text.split(",") if text else []
    if not all(map(strict_fields.ID.fullmatch, tags)):
        raise bad_parameter("tags", "Expected tags, parted by commas.")
    return tags


def _value(kind: Kind, name: str, text: str) -> Any:
    column: Any = kind.model._meta.get_field(name)
    if isinstance(column, BooleanField):
        if text.lower() not in ("true", "false"):
            raise bad_parameter(name, "Expected true or false.")
        return text.lower() == "true"
    if column.choices and text not in dict(column.choices):
        raise bad_parameter(name, f"Expected one of {', '.join(dict(column.choices))}.")
    if "\0" in text:
        raise bad_parameter(name, "U+0000 is not allowed.")
    return text


def _matches(kind: Kind, seen: Definition, is_whole: bool, request: Request) -> bool:
    """The same filters over what a player sees: what is hidden matches nothing, so that nothing can be guessed."""
    for name, text in _filters(kind, request).items():
        if name not in seen or ("" if seen[name] is None else seen[name]) != _value(kind, name, text):
            return False
    if not set(_tags(request)) <= set(seen.get("tags", ())):
        return False
    text = _search(request).casefold()
    if not text or not is_whole:
        return not text
    return any(text in str(kind.id_of(seen) if name == "id" else seen[name]).casefold() for name in kind.searched)


# -- answers -----------------------------------------------------------------------------------------------------------


def shown(kind: Kind, draft: Content, definition: Definition | None = None) -> dict[str, Any]:
    """A draft as it stands: as `definition` says, or as its rows do."""
    return {
        **(kind.read(draft) if definition is None else definition),
        "created_at": instant(draft.created_at),
        "updated_at": instant(draft.updated_at),
        "version": draft.published,
        "draft": draft.has_changes,
    }


def saved(kind: Kind, result: Saved) -> dict[str, Any]:
    version = result.draft.published or 0
    counted = {name: count(str(result.draft.pk), version) for name, count in kind.also_counted.items()}
    return {**shown(kind, result.draft), "backfill_id": result.backfill, "warnings": result.warnings, **counted}


def _for_a_player(kind: Kind, draft: Content | None, seen: Definition, version: int) -> dict[str, Any]:
    if draft is None or kind.key not in seen or len(seen) < len(kind.shape().fields):
        return seen
    return {
        **seen,
        "created_at": instant(draft.created_at),
        "updated_at": instant(draft.updated_at),
        "version": version,
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "definition": version.definition,
        "retired": version.retires,
        "at": instant(version.at),
        "who": version.who,
        "reason": version.reason,
    }


def backfill_shown(backfill: Any) -> dict[str, Any]:
    """A row of progress.models.Backfill, whose app the kernel does not know."""
    return {
        "id": backfill.pk,
        "state": backfill.state,
        "players_done": backfill.players_done,
        "players_total": backfill.players_total,
        "would_complete": backfill.would_complete,
        **backfill.figures(),
        "detail": backfill.detail,
        "left_out": [{"player_id": id_, "reason": reason} for id_, reason in backfill.left_out().items()],
    }
