"""The console's pages of content packs: uploaded, seen for what they would change, and confirmed as a release."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from gamification.console import pack_files, packs, uploaded, uploads
from gamification.console.models import UploadedPack
from gamification.console.pack_files import BadPack
from gamification.kernel.console import downloads
from gamification.kernel.console.readonly_admin import acting, handled, page_of
from gamification.kernel.content.kinds import Kind, kinds
from gamification.kernel.core import bus
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.models import Release

MAY_LOAD = "kernel.add_release"
MOST_TOLD = 200
"""Mistakes of a pack that are told at once."""


def packs_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Upload a pack, or choose what is exported."""
    _require(request)
    errors: list[dict[str, str]] = []
    if request.method == "POST":
        try:
            return HttpResponseRedirect(reverse("admin:pack", args=[_upload(request).pk]))
        except BadPack as bad:
            errors = list(bad.errors)
    waiting = UploadedPack.objects.defer("pack").filter(uploaded_at__gt=timezone.now() - uploaded.KEPT_FOR)
    shown = {
        "title": "Packs",
        "errors": errors[:MOST_TOLD],
        "more_errors": max(0, len(errors) - MOST_TOLD),
        "megabytes": uploads.MAX_UPLOAD // 2**20,
        "kinds": [kind.plural for kind in _in_order() if request.user.has_perm(_permission("view", kind))],
        "waiting": [(pack, said_to_people(pack.uploaded_by)) for pack in waiting.order_by("-pk")[:20]],
    }
    return TemplateResponse(request, "console/packs.html", {**context, **shown}, status=400 if errors else 200)


def _upload(request: HttpRequest) -> UploadedPack:
    file = request.FILES.get("file")
    if file is None or file.size is None:
        raise BadPack("Which file?", [pack_files.problem("file", "required", "Choose a file: YAML, or JSON.")])
    name = str(file.name)
    pack = pack_files.read_bytes(name, file.read())
    kept: UploadedPack = bus.handle(
        uploaded.UploadPack(name=name, pack=pack), actor=acting(request), now=timezone.now()
    )
    return kept


def pack_page(request: HttpRequest, context: dict[str, Any], id: int) -> HttpResponse:
    """What an uploaded pack would change, and confirming it."""
    _require(request)
    kept = UploadedPack.objects.filter(pk=id).first() if id < 2**63 else None
    if kept is None:
        raise Http404
    if request.method == "POST":
        return _confirm(request, kept)
    try:
        found = uploaded.difference(kept.pack, timezone.now())
    except BadPack as bad:  # the shape of content has changed since
        found = uploaded.Difference(problems=list(bad.errors))
    shown = {
        "title": kept.name,
        "pack": kept,
        "by": said_to_people(kept.uploaded_by),
        "difference": found,
        "kinds": list(found.by_kind()),
        "may_confirm": _may_change(request, kept),
    }
    return TemplateResponse(request, "console/pack.html", {**context, **shown})


def _confirm(request: HttpRequest, kept: UploadedPack) -> HttpResponse:
    """Save its content as drafts, and make a release of them."""
    if not _may_change(request, kept):
        raise PermissionDenied
    title = request.POST.get("title", "").strip()[:200] or kept.name
    note = request.POST.get("note", "")[:4000]
    made = handled(request, packs.LoadContent(packs=[("", kept.pack)], release=title, reason=note), kept.name)
    if made is None:
        return HttpResponseRedirect(request.path)
    messages.success(request, f"The release {title} holds it. Nothing is live yet.")
    return HttpResponseRedirect(page_of(Release(pk=made.release)))


def export(request: HttpRequest) -> HttpResponse:
    """A pack of everything of some kinds: what is published, or the drafts as they stand."""
    _require(request)
    of_drafts, form = request.GET.get("what") == "drafts", request.GET.get("form", "yaml")
    wanted = request.GET.getlist("kinds")
    allowed = {kind.plural for kind in kinds() if request.user.has_perm(_permission("view", kind))}
    pack = {plural: items for plural, items in packs.dump(drafts=of_drafts).items() if plural in allowed}
    if wanted:
        pack = {plural: items for plural, items in pack.items() if plural in wanted}
    downloads.note_pack(request, drafts=of_drafts, ids=packs.ids(pack))
    is_json = form == "json"
    response = HttpResponse(
        pack_files.write(pack, "json" if is_json else "yaml"),
        content_type="application/json" if is_json else "application/yaml",
    )
    name = f"{'drafts' if of_drafts else 'content'}.{'json' if is_json else 'yaml'}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm(MAY_LOAD):
        raise PermissionDenied


def _may_change(request: HttpRequest, kept: UploadedPack) -> bool:
    """Whether this person may author every kind that the pack holds."""
    held = [kind for kind in kinds() if kept.pack.get(kind.plural)]
    return all(request.user.has_perm(_permission(verb, kind)) for kind in held for verb in ("add", "change"))


def _permission(verb: str, kind: Kind) -> str:
    return f"{kind.model._meta.app_label}.{verb}_{kind.model._meta.model_name}"


def _in_order() -> list[Kind]:
    return sorted(kinds(), key=lambda kind: packs.ORDER.index(kind.plural))
