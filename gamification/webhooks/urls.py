"""The URLs of webhooks."""

from django.urls import path

from gamification.webhooks import views

urlpatterns = [
    path("webhooks", views.Webhooks.as_view()),
    path("webhooks/<int:id>", views.OneWebhook.as_view()),
    path("webhooks/<int:id>/rotate", views.Rotate.as_view()),
    path("webhooks/<int:id>/test", views.Trial.as_view()),
    path("webhooks/<int:id>/deliveries", views.Deliveries.as_view()),
    path("webhooks/<int:id>/replay", views.Replay.as_view()),
]
