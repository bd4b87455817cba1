from django.urls import path

from gamification.intake import reporting, views

urlpatterns = [
    path("achievements/<str:achievement_id>/progress", reporting.AchievementProgress.as_view()),
    path("events", views.Events.as_view()),
    path("events/rejected", views.RejectedEvents.as_view()),
]
