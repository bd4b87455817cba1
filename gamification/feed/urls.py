from django.urls import path

from gamification.feed import views

urlpatterns = [
    path("players/<str:player_id>/messages", views.Messages.as_view()),
    path("players/<str:player_id>/messages/read", views.MessagesRead.as_view()),
]
