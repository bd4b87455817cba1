"""Every address of the service. Each app lists its own routes; they share one prefix."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from gamification import probes
from gamification.kernel.messaging.outbox import FACT_SCHEMAS
from gamification.kernel.web.audit_view import Audit
from gamification.play.addresses import of_another_version
from gamification.schemas import views as schemas

api: list[URLPattern | URLResolver] = [
    path("", include("gamification.players.urls")),
    path("", include("gamification.review.urls")),
    path("", include("progress.content_urls")),
    path("", include("achievements.content_urls")),
    path("", include("quests.content_urls")),
    path("", include("rewards.content_urls")),
    path("", include("progress.urls")),
    path("", include("achievements.urls")),
    path("", include("quests.urls")),
    path("", include("rewards.urls")),
    path("", include("anticheat.urls")),
    path("", include("gamification.intake.urls")),
    path("", include("gamification.feed.urls")),
    path("", include("gamification.kernel.content.release_routes")),
    path("audit", Audit.as_view()),
    path("", include("gamification.webhooks.urls")),
    path("", include("gamification.simulation.urls")),
    *([path("", include("gamification.analytics.urls"))] if settings.ENABLE_ANALYTICS else []),
]


docs = SpectacularSwaggerSplitView.as_view(authentication_classes=[], url_name="schema")

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="docs")),
    path("admin/", admin.site.urls),
    path("play/", include("gamification.play.urls")),
    re_path(r"^static/play/\d+\.\d+\.\d+/(?P<name>[a-z-]+\.(?:js|css))$", of_another_version),
    path("api/v1/", include(api)),
    path("api/schema/", schemas.openapi_document, name="schema"),
    path("api/schema/asyncapi.json", schemas.asyncapi_document, name="asyncapi"),
    path(f"{FACT_SCHEMAS[1:]}<str:type_>.json", schemas.fact_schema, name="fact-schema"),
    path("api/docs/", docs, name="docs"),
    path("healthz", probes.alive),
    path("readyz", probes.ready),
    path("metrics", probes.counts),
]

handler400 = "gamification.kernel.web.problems.bad_request"
handler403 = "gamification.kernel.web.problems.permission_denied"
handler404 = "gamification.kernel.web.problems.page_not_found"
handler500 = "gamification.kernel.web.problems.server_error"
