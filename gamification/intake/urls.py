from django.urls import path

from gamification.intake import views

urlpatterns = [
    path("events", views.Events.as_view()),
    path("events/rejected", views.RejectedEvents.as_view()),
]
