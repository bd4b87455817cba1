from django.urls import path

from gamification.analytics import views

urlpatterns = [
    path("analytics/summary", views.Summary.as_view()),
    path("analytics/retention", views.Retention.as_view()),
    path("analytics/content/<str:kind>/<str:id>", views.ContentFigures.as_view()),
    path("analytics/economy/<str:currency>", views.Economy.as_view()),
    path("analytics/funnel/<str:quest_id>", views.Funnel.as_view()),
    path("analytics/unused", views.Unused.as_view()),
    path("analytics/quality", views.Quality.as_view()),
]
