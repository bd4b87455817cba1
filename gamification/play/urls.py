from django.urls import path

from gamification.play import views

urlpatterns = [
    path("", views.page, name="play"),
    path("token", views.token),
    path("event", views.event),
]
