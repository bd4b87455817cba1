from django.urls import path

from gamification.intake import reporting, views
from gamification.kernel.web.facts_view import Facts

urlpatterns = [
    path("achievements/<str:achievement_id>/progress", reporting.AchievementProgress.as_view()),
    path("events", views.Events.as_view()),
    path("events/rejected", views.RejectedEvents.as_view()),
    path("facts", Facts.as_view()),
]
