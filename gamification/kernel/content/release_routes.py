"""The URLs of releases."""

from django.urls import path

from gamification.kernel.content import release_views as views

urlpatterns = [
    path("releases", views.Releases.as_view()),
    path("releases/<int:id>", views.OneRelease.as_view()),
    path("releases/<int:id>/submit", views.Submit.as_view()),
    path("releases/<int:id>/schedule", views.Schedule.as_view()),
    path("releases/<int:id>/unschedule", views.Unschedule.as_view()),
    path("releases/<int:id>/publish", views.Publish.as_view()),
    path("releases/<int:id>/cancel", views.Cancel.as_view()),
    path("releases/<int:id>/revert", views.Revert.as_view()),
]
