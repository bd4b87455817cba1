from django.urls import path

from gamification.kernel.content.routes import routes
from progress.content import LEVEL, METRIC
from progress.content_views import BackfillDetail, MetricHealth

urlpatterns = [
    *routes(METRIC),
    *routes(LEVEL),
    path("metrics/<str:id>/health", MetricHealth.as_view()),
    path("backfills/<str:id>", BackfillDetail.as_view()),
]
