from django.urls import path

from anticheat import views

urlpatterns = [
    path("held", views.Held.as_view()),
    path("held/<int:finding_id>/release", views.Release.as_view()),
    path("held/<int:finding_id>/dismiss", views.Dismiss.as_view()),
]
